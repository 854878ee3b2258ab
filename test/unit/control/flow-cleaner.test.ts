import t from 'tap';
import { FlowCleaner } from '../../../daemon/control/flow-cleaner.js';
import type { Conntrack } from '../../../daemon/kernel/port.js';
import { IpAddress } from '../../../src/model/address.js';
import { isAbout, type Living } from '../../../src/nat/flows.js';
import type { Flow } from '../../../src/nat/input.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);

/** A service 10.1.0.100 with these providers, each of them alive. */
function living(providers: readonly string[], options: { protocol?: 'tcp' | 'udp'; serviceIps?: readonly string[] } = {}): Living {
  const { protocol = 'udp', serviceIps = ['10.1.0.100'] } = options;
  return {
    addresses: ['10.1.0.1', '10.1.0.2'].map(ip),
    services: serviceIps.map((address) => ({ addresses: [ip(address)], ports: [{ port: 53, targetPort: 53, protocol }], providers: providers.map((text) => ({ addresses: [ip(text)] })) })),
  };
}

const udp = (service: string, provider: string): Flow => ({
  protocol: 'udp',
  client: { address: ip('10.2.0.1'), port: 1000 },
  service: { address: ip(service), port: 53 },
  provider: { address: ip(provider), port: 53 },
});

function tracked(flows: Flow[]): { cleaner: FlowCleaner; lists: () => number; asked: string[] } {
  /** Of each list the ends that were asked for. */
  const asked: string[] = [];
  const conntrack: Conntrack = {
    list: (_tenant, about) => {
      asked.push(about ? `to ${about.providers.join(' ')} of ${about.services.join(' ')}` : 'all');
      return Promise.resolve(flows.filter(about ? isAbout(about) : () => true));
    },
    remove: (_tenant, doomed) => {
      const before = flows.length;
      flows.splice(0, before, ...flows.filter((flow) => !doomed.includes(flow)));
      return Promise.resolve(before - flows.length);
    },
  };
  return { cleaner: new FlowCleaner('blue', conntrack), lists: () => asked.length, asked };
}

t.test('connections are looked through at first, and when somebody left; not when somebody came', async (t) => {
  const { cleaner, lists } = tracked([udp('10.1.0.100', '10.1.0.1')]);
  t.equal(await cleaner.clean(living(['10.1.0.1'])), 0);
  t.equal(lists(), 1);
  t.equal(await cleaner.clean(living(['10.1.0.1', '10.1.0.2'])), 0);
  t.equal(lists(), 1);
  t.equal(await cleaner.clean(living(['10.1.0.2'])), 1);
  t.equal(lists(), 2);
});

t.test('only the connections of who left are asked for, and those to a service IP that is new', async (t) => {
  const { cleaner, asked } = tracked([udp('10.1.0.100', '10.1.0.1'), udp('10.1.0.100', '10.1.0.2'), { ...udp('10.1.0.100', '10.1.0.2'), protocol: 'tcp' }, udp('10.1.0.101', '10.1.0.101')]);
  const both = living(['10.1.0.1', '10.1.0.2']);
  await cleaner.clean(both);
  t.equal(await cleaner.clean(living(['10.1.0.2'])), 1, 'UDP to who provides no more');
  t.equal(await cleaner.clean({ ...living(['10.1.0.2']), addresses: [ip('10.1.0.1')] }), 1, 'TCP to who lives no more');
  t.equal(await cleaner.clean({ ...living([]), addresses: [ip('10.1.0.1')] }), 1, 'and UDP');
  t.equal(await cleaner.clean({ ...living([], { serviceIps: ['10.1.0.100', '10.1.0.101'] }), addresses: [] }), 1, 'UDP from before there was the service');
  t.strictSame(asked, ['all', 'to 10.1.0.1 of ', 'to 10.1.0.2 of ', 'to 10.1.0.2 of ', 'to 10.1.0.1 of 10.1.0.101']);
});

t.test('a TCP provider that still lives is no reason to look', async (t) => {
  const { cleaner, lists } = tracked([]);
  await cleaner.clean(living(['10.1.0.1', '10.1.0.2'], { protocol: 'tcp' }));
  await cleaner.clean(living(['10.1.0.1'], { protocol: 'tcp' }));
  t.equal(lists(), 1);
});

/** Nothing but containers: no service. */
const only = (...addresses: string[]): Living => ({ addresses: addresses.map(ip), services: [] });

t.test('who leaves and never was a provider is no reason to look', async (t) => {
  const { cleaner, lists } = tracked([]);
  await cleaner.clean({ ...living(['10.1.0.1']), addresses: ['10.1.0.1', '10.1.0.2'].map(ip) });
  await cleaner.clean({ ...living(['10.1.0.1']), addresses: [ip('10.1.0.1')] });
  t.equal(lists(), 1);
});

t.test('who was a provider of a service that is deleted is one', async (t) => {
  const flow: Flow = { ...udp('10.1.0.100', '10.1.0.1'), protocol: 'tcp' };
  const flows: Flow[] = [];
  const { cleaner } = tracked(flows);
  await cleaner.clean(only('10.1.0.1', '10.1.0.2'));
  await cleaner.clean(living(['10.1.0.1'], { protocol: 'tcp' }));
  flows.push(flow);
  t.equal(await cleaner.clean(only('10.1.0.1', '10.1.0.2')), 0, 'connections to who lives stay');
  t.equal(await cleaner.clean(only('10.1.0.1')), 0);
  t.strictSame(flows, [flow]);
  t.equal(await cleaner.clean(only()), 1);
});

t.test('and so is who has a connection from before anything was known of services', async (t) => {
  const { cleaner, lists } = tracked([{ ...udp('10.1.0.100', '10.1.0.1'), protocol: 'tcp' }]);
  t.equal(await cleaner.clean(only('10.1.0.1', '10.1.0.2')), 0);
  t.equal(await cleaner.clean(only('10.1.0.1')), 0);
  t.equal(lists(), 1);
  t.equal(await cleaner.clean(only()), 1);
});

t.test('a new service IP is: a client may have sent to it before it was one', async (t) => {
  const { cleaner, lists } = tracked([udp('10.1.0.101', '10.1.0.101')]);
  t.equal(await cleaner.clean(living(['10.1.0.1'])), 0, 'other UDP is left alone');
  t.equal(await cleaner.clean(living(['10.1.0.1'], { serviceIps: ['10.1.0.100', '10.1.0.101'] })), 1);
  t.equal(lists(), 2);
});

t.test('what failed is done the next time', async (t) => {
  const flows = [udp('10.1.0.100', '10.1.0.1')];
  const { cleaner } = tracked(flows);
  await cleaner.clean(living(['10.1.0.1']));
  cleaner.forget();
  t.equal(await cleaner.clean(living(['10.1.0.1'])), 0);
  const broken: Conntrack = { list: () => Promise.reject(new Error('broken')), remove: () => Promise.resolve(0) };
  const failing = new FlowCleaner('blue', broken);
  await t.rejects(failing.clean(living([])), /broken/);
  await t.rejects(failing.clean(living([])), /broken/, 'and not taken for done');
});
