import t from 'tap';
import { AnsweringAddresses, answeredNetworks } from '../../../daemon/control/answered-networks.js';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { IpAddress, Mac } from '../../../src/model/address.js';
import type { NatService } from '../../../src/nat/input.js';

const at = (...texts: string[]): { addresses: IpAddress[] } => ({ addresses: texts.map((text) => IpAddress.parse(text)) });

function endpoint(network: string, texts: readonly string[], host: string, sandboxKey?: string): Endpoint {
  const { addresses } = at(...texts);
  return { id: texts.join(), tenant: 'default', network, addresses, mac: Mac.parse('02:02:0a:01:01:01'), host, ...(sandboxKey === undefined ? {} : { sandboxKey }) };
}

const service = (part: Partial<NatService>): NatService => ({ ...at('10.9.0.100'), ports: [{ port: 80, targetPort: 80, protocol: 'tcp' }], providers: [], ...part });

/** A container in two networks, one on another host, whose sandbox has the same name and which is in others, two that are not joined, and on this host a client in each network. */
const providers = [
  endpoint('front', ['10.1.0.1'], 'h1', 'x'),
  endpoint('back', ['10.2.0.1', 'fd00::1'], 'h1', 'x'),
  endpoint('far', ['10.3.0.1'], 'h2', 'x'),
  endpoint('away', ['10.4.0.1'], 'h2', 'x'),
  endpoint('alone', ['10.5.0.1'], 'h1'),
  endpoint('idle', ['10.6.0.1'], 'h1'),
];
const clients = ['front', 'back', 'far', 'away', 'alone', 'idle'].map((network, index) => endpoint(network, [`10.${index + 1}.0.9`], 'h1', `client ${network}`));

/** It follows all that are asked for. */
const following = new AnsweringAddresses();
const answered = (...services: NatService[]): string[] => [...answeredNetworks([...providers, ...clients], following.update(services), 'h1')].toSorted();

t.test('networks of providers, of those that drain, and those in which their containers are besides', (t) => {
  t.same(answered(), []);
  t.same(answered(service({})), [], 'a service without providers');
  t.same(answered(service({ providers: [at('10.5.0.1')] })), ['alone']);
  t.same(answered(service({ draining: [at('10.5.0.1')] })), ['alone']);
  t.same(answered(service({ providers: [at('10.1.0.1')] })), ['back', 'front'], 'one container');
  t.same(answered(service({ providers: [at('fd00::1')] })), ['back', 'front'], 'by its IPv6 address');
  t.same(answered(service({ providers: [at('10.3.0.1')] })), ['away', 'far'], 'a sandbox of the same name on another host is another one');
  t.same(answered(service({ providers: [at('10.3.0.1')] }), service({ draining: [at('10.6.0.1')] })), ['away', 'far', 'idle']);
  t.same(answered(service({ providers: [at('10.7.0.1')] })), [], 'one that is nowhere any more');
  const [first, second] = [service({ providers: [at('10.5.0.1'), at('10.5.0.1')] }), service({ draining: [at('10.5.0.1'), at('10.6.0.1')] })];
  t.same(answered(first, second), ['alone', 'idle'], 'of two services');
  t.same(answered(first), ['alone'], 'who is left by one is still of the other');
  t.same(answered(first), ['alone'], 'asked again');
  t.same(answered(second), ['alone', 'idle']);
  t.same(answered(), []);
  t.end();
});

t.test('only where there is a client on this host, and another one than who answers', (t) => {
  const [front = '', far = ''] = ['10.1.0.1', '10.3.0.1'];
  const on = (host: string, address: string, ...more: Endpoint[]): string[] => [...answeredNetworks([...providers, ...more], new AnsweringAddresses().update([service({ providers: [at(address)] })]), host)].toSorted();
  t.same(on('h1', front), [], 'who is alone with itself');
  t.same(on('h2', front), [], 'where nobody of the network is');
  t.same(on('h1', front, endpoint('back', ['10.2.0.9'], 'h1', 'y')), ['back'], 'a client in the other network of the provider');
  t.same(on('h1', front, endpoint('front', ['10.1.0.9'], 'h1')), [], 'one that is not joined');
  t.same(on('h1', front, endpoint('front', ['10.1.0.9'], 'h2', 'y')), [], 'a client on another host is that one’s matter');
  t.same(on('h2', front, endpoint('front', ['10.1.0.9'], 'h2', 'y')), ['front']);
  t.same(on('h1', far, endpoint('far', ['10.3.0.9'], 'h1', 'x')), ['far'], 'a sandbox of the same name on another host is another one');
  const two = [...answeredNetworks([...providers, endpoint('front', ['10.1.0.2'], 'h1', 'y')], new AnsweringAddresses().update([service({ providers: [at(front), at('10.1.0.2')] })]), 'h1')];
  t.same(two, ['front'], 'two that answer call each other');
  t.end();
});
