import t from 'tap';
import { IpAddress } from '../../../src/model/address.js';
import type { Network } from '../../../src/model/network.js';
import type { NetworkRequest } from '../../../src/model/request.js';
import type { Service } from '../../../src/model/service.js';
import { decodeNetwork, decodeService, decodeServiceChange, decodeTenant } from '../../../src/wire/decode.js';
import { encodeNetwork, encodeService, encodeTenant } from '../../../src/wire/encode.js';
import type { NetworkObject, ServiceObject } from '../../../src/wire/objects.js';

const network: NetworkObject = { tenantName: 'default', networkName: 'contiv-net', subnet: '10.1.1.0/24', gateway: '10.1.1.254' };
const service: ServiceObject = {
  tenantName: 'default',
  serviceName: 'app-svc',
  networkName: 'contiv-srv-net',
  ports: ['8080:80:TCP'],
  selectors: ['tier=web', 'release=stable', 'environment=prod'],
};

/** The network that a request makes, with what is observed added. */
function made({ vni, encrypted, ...rest }: NetworkRequest): Network {
  return { ...rest, ...(encrypted && { encrypted }), vni: vni ?? 1, ...(vni !== undefined && { requestedVni: vni }) };
}

t.test('tenants', (t) => {
  t.same(decodeTenant({ tenantName: 'blue', defaultNetwork: 'x' }), { name: 'blue' });
  t.same(decodeTenant({ tenantName: 'blue', hostAccess: false }), { name: 'blue', hostAccess: false });
  t.same(encodeTenant({ name: 'blue' }), { key: 'blue', tenantName: 'blue', hostAccess: false });
  t.same(encodeTenant({ name: 'default' }), { key: 'default', tenantName: 'default', hostAccess: true });
  t.same(encodeTenant({ name: 'default', hostAccess: false }), { key: 'default', tenantName: 'default', hostAccess: false });
  t.throws(() => decodeTenant({ tenantName: '' }), { code: 'invalid' });
  t.throws(() => decodeTenant({ tenantName: 'a:b' }), { code: 'invalid' });
  t.end();
});

t.test('a network comes back as it was asked for, in canonical form', (t) => {
  for (const [object, expected] of [
    [network, { subnet: '10.1.1.0/24', gateway: '10.1.1.254' }],
    [{ ...network, subnet: '10.1.1.7/24' }, { subnet: '10.1.1.0/24', gateway: '10.1.1.254' }],
    [{ ...network, subnet: '10.1.1.50-10.1.1.60/24', gateway: '' }, { subnet: '10.1.1.50-10.1.1.60/24' }],
    [{ ...network, nwType: '', encap: '', pktTag: 0, cfgdTag: '', ipv6Subnet: '', ipv6Gateway: '' }, { subnet: '10.1.1.0/24', gateway: '10.1.1.254' }],
    [{ ...network, nwType: 'data', encap: 'vxlan', pktTag: 16_777_215, cfgdTag: 'blue' }, { subnet: '10.1.1.0/24', gateway: '10.1.1.254', pktTag: 16_777_215, cfgdTag: 'blue' }],
    [{ tenantName: 'default', networkName: 'contiv-net', ipv6Subnet: '2001:DB8::/64', ipv6Gateway: '2001:db8::1' }, { ipv6Subnet: '2001:db8::/64', ipv6Gateway: '2001:db8::1' }],
    [{ ...network, ipv6Subnet: '2001:db8::/118' }, { subnet: '10.1.1.0/24', gateway: '10.1.1.254', ipv6Subnet: '2001:db8::/118' }],
  ] as const) {
    const request = decodeNetwork(object);
    const encoded = encodeNetwork(made(request));
    t.same(encoded, { key: 'default:contiv-net', tenantName: 'default', networkName: 'contiv-net', nwType: 'data', encap: 'vxlan', ...expected });
    t.same(decodeNetwork(encoded), request, 'it asks for the same');
  }
  t.end();
});

t.test('a tag that nobody asked for is not configuration', (t) => {
  t.strictSame(decodeNetwork({ ...network, internal: false }), decodeNetwork(network));
  t.equal(encodeNetwork({ ...made(decodeNetwork({ ...network, internal: true })), vni: 42 }).internal, true);
  t.equal(encodeNetwork(made(decodeNetwork({ ...network, encrypted: true }))).encrypted, true);
  t.notOk('encrypted' in encodeNetwork(made(decodeNetwork({ ...network, encrypted: false }))));
  t.equal(decodeNetwork({ ...network, encrypted: false }).encrypted, false, 'not to encrypt is asked for, too');
  t.notOk('pktTag' in encodeNetwork({ ...made(decodeNetwork(network)), vni: 42 }));
  t.end();
});

t.test('networks that are refused', (t) => {
  for (const [changes, message] of [
    [{ tenantName: '' }, /the tenant has no name/],
    [{ tenantName: 'a/b' }, /not a valid tenant name/],
    [{ networkName: '-x' }, /not a valid network name/],
    [{ nwType: 'infra' }, /network type "infra" is not supported/],
    [{ encap: 'vlan' }, /encapsulation "vlan" is not supported: .* vxlan only/],
    [{ pktTag: -1 }, /the packet tag -1 is not in 1\.\.16777215/],
    [{ pktTag: 16_777_216 }, /the packet tag 16777216 is not in 1\.\.16777215/],
    [{ subnet: '', gateway: '' }, /network contiv-net needs a subnet/],
    [{ subnet: '' }, /the IPv4 gateway 10\.1\.1\.254 has no IPv4 subnet/],
    [{ ipv6Gateway: '2001:db8::1' }, /the IPv6 gateway 2001:db8::1 has no IPv6 subnet/],
    [{ gateway: '10.1.1.255' }, /is the broadcast address/],
    [{ gateway: '10.1.1.0' }, /is the network address/],
    [{ gateway: '10.1.2.1' }, /is not in subnet/],
    [{ subnet: '2001:db8::/64' }, /is an IPv6 subnet where an IPv4 subnet belongs/],
    [{ ipv6Subnet: '2001:db8::/128' }, /single address/],
    [{ cfgdTag: 'two words' }, /not one word/],
  ] as const) {
    t.throws(() => decodeNetwork({ ...network, ...changes }), { code: 'invalid', message }, JSON.stringify(changes));
  }
  t.end();
});

t.test('a service comes back as it was asked for, in canonical form', (t) => {
  const object: ServiceObject = { ...service, ipAddress: '100.1.1.9', ports: ['8080:80:tcp', '53:53:UDP'], selectors: [...service.selectors, ' tier == web ', 'app in (b,a)'] };
  const { ips, ...rest } = decodeService(object);
  const created: Service = { ...rest, drained: [], addresses: [], requestedIps: ips };
  const encoded = encodeService(created);
  t.same(encoded, {
    key: 'default:app-svc',
    tenantName: 'default',
    serviceName: 'app-svc',
    networkName: 'contiv-srv-net',
    ipAddress: '100.1.1.9',
    ports: ['8080:80:TCP', '53:53:UDP'],
    selectors: ['tier=web', 'release=stable', 'environment=prod', 'app in (a,b)'],
  });
  t.same(decodeService(encoded), { ...rest, ips }, 'it asks for the same');
  t.end();
});

t.test('algorithm, weights, preference and an address of each family come back, too', (t) => {
  const full: ServiceObject = { ...service, ipAddress: '100.1.1.9', ipv6Address: '2001:DB8::9', algorithm: 'source', weights: [' version == 2 : 10', 'v in (b,a):5'], prefer: 'local' };
  const { ips, ...rest } = decodeService(full);
  const encoded = encodeService({ ...rest, drained: ['c'], addresses: [], requestedIps: ips });
  t.match(encoded, { ipAddress: '100.1.1.9', ipv6Address: '2001:db8::9', algorithm: 'source', weights: ['version=2:10', 'v in (a,b):5'], prefer: 'local' });
  t.same(decodeService(encoded), { ...rest, ips }, 'it asks for the same');
  const plain = encodeService({ ...rest, algorithm: 'roundrobin', weights: [], prefer: 'any', drained: [], addresses: [], requestedIps: [] });
  for (const field of ['algorithm', 'weights', 'prefer', 'ipv6Address', 'ipAddress']) t.notOk(field in plain, `what is as ever is left out: ${field}`);
  const six = decodeService({ ...service, ipAddress: '2001:db8::9' }).ips;
  t.match(encodeService({ ...rest, drained: [], addresses: [], requestedIps: six }), { ipAddress: '2001:db8::9' }, 'the only one');
  t.same(decodeService({ ...service, ipv6Address: '2001:db8::9' }).ips, six);
  t.end();
});

t.test('a change holds what is given, and nothing else', (t) => {
  const name = { tenant: 'default', name: 'web' };
  t.same(decodeServiceChange('default', 'web', {}), name);
  t.same(decodeServiceChange('default', 'web', { networkName: '', algorithm: '', prefer: '', ipAddress: '', tenantName: 'x' }), name, 'an empty text is absent');
  t.same(decodeServiceChange('default', 'web', { weights: [] }), { ...name, weights: [] }, 'an empty list of weights is not');
  t.match(decodeServiceChange('default', 'web', { networkName: 'n', algorithm: 'random', prefer: 'any', ports: ['1:2:udp'], selectors: ['a'], ipv6Address: '::1' }), {
    ...name,
    network: 'n',
    algorithm: 'random',
    prefer: 'any',
    ports: [{ port: 1, targetPort: 2, protocol: 'udp' }],
    selectors: [{ key: 'a', operator: 'exists' }],
    ips: [IpAddress.parse('::1')],
  });
  for (const object of [{ ports: [] }, { selectors: [] }, { algorithm: 'fair' }, { prefer: 'near' }, { weights: ['x'] }, { networkName: '-' }]) {
    t.throws(() => decodeServiceChange('default', 'web', object), { code: 'invalid' }, JSON.stringify(object));
  }
  t.end();
});

t.test('no service IP asked for is none configured, though one is held', (t) => {
  for (const object of [service, { ...service, ipAddress: '' }]) {
    const request = decodeService(object);
    t.same(request.ips, []);
    t.notOk('ipAddress' in encodeService({ ...request, drained: [], requestedIps: request.ips, addresses: [] }));
  }
  t.end();
});

t.test('services that are refused', (t) => {
  for (const [changes, message] of [
    [{ serviceName: '' }, /the service has no name/],
    [{ serviceName: 'a b' }, /not a valid service name/],
    [{ networkName: '' }, /the network has no name/],
    [{ tenantName: 'x:y' }, /not a valid tenant name/],
    [{ selectors: [] }, /invalid selector options/],
    [{ selectors: ['tier=web', 'a=b=c'] }, /invalid selector "a=b=c"/],
    [{ ports: [] }, /at least one port/],
    [{ ports: ['80'] }, /invalid port mapping "80"/],
    [{ ipAddress: '100.1.1' }, /the service IP "100\.1\.1" is not an IP address/],
    [{ ipAddress: '100.1.1.9/24' }, /is not an IP address/],
    [{ ipv6Address: '100.1.1.9' }, /the IPv6 service IP "100\.1\.1\.9" is an IPv4 address/],
    [{ ipAddress: '::1', ipv6Address: '::2' }, /a service has one IPv6 address, and these are two: ::1, ::2/],
    [{ algorithm: 'fair' }, /unknown algorithm "fair": use roundrobin, random or source/],
    [{ prefer: 'near' }, /unknown preference "near": use any or local/],
    [{ weights: ['version=2:101'] }, /invalid weight "version=2:101"/],
    [{ weights: ['version=2:60', 'version=3:60'] }, /these are 120 together/],
  ] as const) {
    t.throws(() => decodeService({ ...service, ...(changes as Partial<ServiceObject>) }), { code: 'invalid', message }, JSON.stringify(changes));
  }
  t.end();
});
