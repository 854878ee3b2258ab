import t from 'tap';
import { checkSubnet } from '../../../src/ipam/subnet.js';
import { IpAddress, Mac } from '../../../src/model/address.js';
import type { Allocation, Owner } from '../../../src/model/allocation.js';
import { keys } from '../../../src/model/keys.js';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { subnetOf, subnetsOf, type Network } from '../../../src/model/network.js';
import type { Service } from '../../../src/model/service.js';
import { decodeStored, encodeStored } from '../../../src/model/stored.js';
import { parseSelectors } from '../../../src/selectors/parse.js';

const address = IpAddress.parse('10.1.1.1');
const network: Network = {
  tenant: 'default',
  name: 'net',
  vni: 7,
  requestedVni: 7,
  tag: 'blue',
  ipv4: checkSubnet(4, '10.1.1.5-10.1.1.9/24', '10.1.1.254'),
  ipv6: checkSubnet(6, '2001:db8::/64'),
};
const service: Service = {
  tenant: 'default',
  name: 'app',
  network: 'net',
  selectors: parseSelectors(['a=b', 'c!=', 'd in (x,y)', 'e notin (z)', 'f', '!g']),
  ports: [{ port: 8080, targetPort: 80, protocol: 'tcp' }],
  algorithm: 'source',
  weights: [{ term: { key: 'version', operator: '=', value: '2' }, percent: 10 }],
  prefer: 'local',
  drained: ['c'.repeat(64)],
  requestedIps: [address],
  addresses: [address, IpAddress.parse('2001:db8::1')],
};
const endpoint: Endpoint = {
  id: 'e'.repeat(64),
  tenant: 'default',
  network: 'net',
  addresses: [address],
  mac: Mac.fromIp(address),
  host: 'h1',
  sandboxKey: '/var/run/docker/netns/1',
};

t.test('what is stored comes back the same through JSON text', (t) => {
  const through = (value: Parameters<typeof encodeStored>[0]): unknown => JSON.parse(JSON.stringify(encodeStored(value)));
  t.same(decodeStored.tenant(through({ name: 'blue' })), { name: 'blue' });
  t.same(decodeStored.network(through(network)), network);
  for (const deleting of [{ host: 'h1' }, { host: 'h1', refused: { host: 'h2', reason: 'Docker would not' } }]) {
    t.same(decodeStored.network(through({ ...network, deleting })).deleting, deleting);
    t.same(decodeStored.tenant(through({ name: 'blue', deleting })).deleting, deleting);
  }
  t.same(decodeStored.tenant({ v: 1, name: 'blue', deleting: true }).deleting, {}, 'by an earlier version');
  t.throws(() => decodeStored.tenant({ v: 1, name: 'blue', deleting: 'h1' }));
  const leftover = { host: 'h2', dockerNetworkId: 'd'.repeat(64) };
  t.same(decodeStored.leftover(through(leftover)), leftover);
  t.same(decodeStored.network(through({ tenant: 'default', name: 'bare', vni: 1 })), { tenant: 'default', name: 'bare', vni: 1 });
  t.same(decodeStored.network(through({ ...network, encrypted: true })), { ...network, encrypted: true });
  const host = { name: 'h1', id: 'i', underlay: address, underlayMtu: 1500, version: '1', since: 1 };
  const tunnel = { publicKey: 'k=', address: IpAddress.parse('fd00::1'), port: 51820, since: 2 };
  t.same(decodeStored.host(through(host)), host);
  t.same(decodeStored.host(through({ ...host, tunnels: [tunnel] })), { ...host, tunnels: [tunnel] });
  t.same(decodeStored.service(through(service)), service);
  t.same(decodeStored.endpoint(through(endpoint)), endpoint);
  const owners: Owner[] = [{ kind: 'gateway' }, { kind: 'service', name: 's' }, { kind: 'endpoint', id: 'e' }, { kind: 'request', host: 'h1' }, { kind: 'resting' }];
  for (const owner of owners) {
    const allocation: Allocation = { tenant: 'default', network: 'net', address, owner, since: 1234 };
    t.same(decodeStored.allocation(through(allocation)), allocation, owner.kind);
  }
  const binding = { host: 'h1', dockerNetworkId: 'd'.repeat(64), tenant: 'default', network: 'net' };
  t.same(decodeStored.binding(through(binding)), binding);
  t.end();
});

t.test('what this version does not know is refused', (t) => {
  t.throws(() => decodeStored.tenant({ v: 2, name: 'blue' }));
  t.throws(() => decodeStored.tenant({ name: 'blue' }));
  t.throws(() => decodeStored.service({ v: 1, name: 'app' }));
  t.throws(() => decodeStored.endpoint({ ...(encodeStored(endpoint) as object), addresses: ['10.1.1'] }));
  t.end();
});

t.test('keys differ, and those of the allocations of one network share a beginning', (t) => {
  const all = [
    keys.tenant('a'),
    keys.network('a', 'b'),
    keys.service('a', 'b'),
    keys.endpoint('a'),
    keys.allocation('a', 'b', address),
    keys.allocation('a', 'b', IpAddress.parse('2001:db8::1')),
    keys.vni(1),
    keys.binding('a', 'b'),
  ];
  t.equal(new Set(all).size, all.length);
  t.ok(keys.allocation('a', 'b', address).startsWith(keys.allocationsOf('a', 'b')));
  t.notOk(keys.allocation('a', 'bb', address).startsWith(keys.allocationsOf('a', 'b')));
  t.end();
});

t.test('the subnets of a network', (t) => {
  t.same(subnetsOf(network), [network.ipv4, network.ipv6]);
  t.same(subnetsOf({}), []);
  t.equal(subnetOf(network, 6), network.ipv6);
  t.equal(subnetOf({}, 4), undefined);
  t.end();
});
