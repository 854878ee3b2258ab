import t from 'tap';
import { AnsweringAddresses, answeredNetworks } from '../../../daemon/control/answered-networks.js';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { IpAddress, Mac } from '../../../src/model/address.js';
import type { Network } from '../../../src/model/network.js';
import type { Service } from '../../../src/model/service.js';
import type { NatService } from '../../../src/nat/input.js';

const at = (...texts: string[]): { addresses: IpAddress[] } => ({ addresses: texts.map((text) => IpAddress.parse(text)) });

function endpoint(network: string, texts: readonly string[], host: string, sandboxKey?: string): Endpoint {
  const { addresses } = at(...texts);
  return { id: texts.join(), tenant: 'default', network, addresses, mac: Mac.parse('02:02:0a:01:01:01'), host, ...(sandboxKey === undefined ? {} : { sandboxKey }) };
}

const service = (part: Partial<NatService>): NatService => ({ ...at('10.9.0.100'), ports: [{ port: 80, targetPort: 80, protocol: 'tcp' }], providers: [], ...part });

/** A container in two networks, and others in one each, of which two are not joined. */
const endpoints = [
  endpoint('front', ['10.1.0.1'], 'h1', 'x'),
  endpoint('back', ['10.2.0.1', 'fd00::1'], 'h1', 'x'),
  endpoint('other', ['10.3.0.1'], 'h1', 'y'),
  endpoint('alone', ['10.5.0.1'], 'h1'),
  endpoint('idle', ['10.6.0.1'], 'h1'),
];

/** It follows all that are asked for. */
const following = new AnsweringAddresses();
const answered = (...services: NatService[]): string[] => [...answeredNetworks({ networks: [], services: [], endpoints }, following.update(services))].toSorted();

t.test('networks of providers, of those that drain, and those in which their containers are besides', (t) => {
  t.same(answered(), []);
  t.same(answered(service({})), [], 'a service without providers');
  t.same(answered(service({ providers: [at('10.5.0.1')] })), ['alone']);
  t.same(answered(service({ draining: [at('10.5.0.1')] })), ['alone']);
  t.same(answered(service({ providers: [at('10.1.0.1')] })), ['back', 'front'], 'one container');
  t.same(answered(service({ providers: [at('fd00::1')] })), ['back', 'front'], 'by its IPv6 address');
  t.same(answered(service({ providers: [at('10.3.0.1')] }), service({ draining: [at('10.6.0.1')] })), ['idle', 'other']);
  t.same(answered(service({ providers: [at('10.7.0.1')] })), [], 'one that is nowhere any more');
  const [first, second] = [service({ providers: [at('10.5.0.1'), at('10.5.0.1')] }), service({ draining: [at('10.5.0.1'), at('10.6.0.1')] })];
  t.same(answered(first, second), ['alone', 'idle'], 'of two services');
  t.same(answered(first), ['alone'], 'who is left by one is still of the other');
  t.same(answered(first), ['alone'], 'asked again');
  t.same(answered(second), ['alone', 'idle']);
  t.same(answered(), []);
  const shared = [at('10.5.0.1')];
  const [one, other] = [service({ providers: shared }), service({ providers: shared })];
  t.same(answered(one, other), ['alone'], 'of two services that have one list');
  t.same(answered(other), ['alone'], 'it is still that of one');
  t.same(answered(one), ['alone'], 'it passes from one to the other');
  t.same(answered(), []);
  t.end();
});

t.test('on several hosts all networks of a tenant with services, and of others those of published ports', (t) => {
  const any = IpAddress.parse('::');
  const way = { local: any, port: 4789, mtu: 1450 };
  const overlay = { ...way, encrypted: way, underlays: new Map(), tunnels: new Map(), endpoints: [] };
  const networks = ['front', 'back', 'empty'].map((name) => ({ name }) as Network);
  const of = (services: readonly Service[], published: readonly NatService[]): string[] => [...answeredNetworks({ networks, services, endpoints, overlay }, new AnsweringAddresses().update(published))].toSorted();
  t.same(of([{} as Service], []), ['back', 'empty', 'front'], 'whether there are providers or not');
  t.same(of([], []), []);
  t.same(of([], [service({ providers: [at('10.3.0.1')] })]), ['other']);
  t.end();
});
