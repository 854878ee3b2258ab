import t from 'tap';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';
import { startRig } from './client.js';

const networkId = 'a'.repeat(64);
const endpointId = 'b'.repeat(64);
const ids = { NetworkID: networkId, EndpointID: endpointId };

interface Case {
  readonly name: string;
  readonly method: string;
  readonly body?: unknown;
  /** What reaches the ports. */
  readonly calls?: unknown[];
  readonly answer: unknown;
}

/** Bodies as Docker 20.10 sends them. */
const cases: Case[] = [
  { name: 'activation', method: 'Plugin.Activate', answer: { Implements: ['NetworkDriver', 'IpamDriver'] } },
  { name: 'network capabilities', method: 'NetworkDriver.GetCapabilities', answer: { Scope: 'local', ConnectivityScope: 'global' } },
  { name: 'IPAM capabilities', method: 'IpamDriver.GetCapabilities', answer: { RequiresMACAddress: false, RequiresRequestReplay: false } },
  {
    name: 'address spaces',
    method: 'IpamDriver.GetDefaultAddressSpaces',
    answer: { LocalDefaultAddressSpace: 'netctl-local', GlobalDefaultAddressSpace: 'netctl-global' },
  },
  {
    name: 'a pool by subnet',
    method: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'netctl-local', Pool: '10.1.1.0/24', SubPool: '', Options: { tenant: 'default', network: 'net1' }, V6: false },
    calls: [['requestPool', { tenant: 'default', network: 'net1', family: 4, subnet: '10.1.1.0/24' }]],
    answer: { PoolID: 'pool-1', Pool: '10.1.1.0/24', Data: {} },
  },
  {
    name: 'an IPv6 pool',
    method: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'netctl-local', Pool: '2001:db8::/64', SubPool: '', Options: { tenant: 'blue', network: 'net1' }, V6: true },
    calls: [['requestPool', { tenant: 'blue', network: 'net1', family: 6, subnet: '2001:db8::/64' }]],
    answer: { PoolID: 'pool-1', Pool: '2001:db8::/64', Data: {} },
  },
  {
    name: 'a pool without a subnet',
    method: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'netctl-local', Pool: '', SubPool: '', Options: { tenant: 'blue', network: 'net1' }, V6: false },
    calls: [['requestPool', { tenant: 'blue', network: 'net1', family: 4 }]],
    answer: { PoolID: 'pool-1', Pool: '10.1.1.0/24', Data: {} },
  },
  {
    name: 'a pool for a network that Docker makes by itself',
    method: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'netctl-local', Pool: '10.1.1.0/24', SubPool: '10.1.1.128/25', Options: null, V6: false },
    calls: [['openPool', { family: 4, subnet: '10.1.1.0/24', range: '10.1.1.128/25' }]],
    answer: { PoolID: 'pool-2', Pool: '10.1.1.0/24', Data: {} },
  },
  {
    name: 'any pool for such a network',
    method: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'netctl-local', Pool: '', SubPool: '', Options: {}, V6: false },
    calls: [['openPool', { family: 4 }]],
    answer: { PoolID: 'pool-2', Pool: '10.64.0.0/24', Data: {} },
  },
  {
    name: 'a tenant for the pool alone',
    method: 'IpamDriver.RequestPool',
    body: { AddressSpace: 'netctl-local', Pool: '', SubPool: '', Options: { tenant: 'blue' }, V6: false },
    calls: [],
    answer: { Error: 'give the tenant to the network, not to its addresses: "-o tenant=blue" instead of "--ipam-opt"' },
  },
  {
    name: 'a pool with a range of Docker, of a network of netctl',
    method: 'IpamDriver.RequestPool',
    body: { AddressSpace: '', Pool: '10.1.1.0/24', SubPool: '10.1.1.128/25', Options: { tenant: 'default', network: 'net1' }, V6: false },
    calls: [],
    answer: { Error: 'netctl does not take --ip-range for a network of its own: give the range to "netctl net create"' },
  },
  { name: 'the release of a pool', method: 'IpamDriver.ReleasePool', body: { PoolID: 'p' }, calls: [['releasePool', 'p']], answer: {} },
  {
    name: 'any address',
    method: 'IpamDriver.RequestAddress',
    body: { PoolID: 'p', Address: '', Options: null },
    calls: [['requestAddress', { poolId: 'p', purpose: 'endpoint' }]],
    answer: { Address: '10.1.1.5/24', Data: {} },
  },
  {
    name: 'this address',
    method: 'IpamDriver.RequestAddress',
    body: { PoolID: 'p', Address: '10.1.1.77', Options: { 'com.docker.network.endpoint.macaddress': '' } },
    calls: [['requestAddress', { poolId: 'p', address: '10.1.1.77', purpose: 'endpoint' }]],
    answer: { Address: '10.1.1.77/24', Data: {} },
  },
  {
    name: 'the gateway',
    method: 'IpamDriver.RequestAddress',
    body: { PoolID: 'p', Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } },
    calls: [['requestAddress', { poolId: 'p', purpose: 'gateway' }]],
    answer: { Address: '10.1.1.5/24', Data: {} },
  },
  {
    name: 'the release of an address',
    method: 'IpamDriver.ReleaseAddress',
    body: { PoolID: 'p', Address: '2001:db8::5' },
    calls: [['releaseAddress', { poolId: 'p', address: '2001:db8::5' }]],
    answer: {},
  },
  {
    name: 'a network',
    method: 'NetworkDriver.CreateNetwork',
    body: {
      NetworkID: networkId,
      Options: { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': { tenant: 'blue', network: 'net1', 'com.docker.other': '1' } },
      IPv4Data: [{ AddressSpace: 'netctl-local', Pool: '10.1.1.0/24', Gateway: '10.1.1.254/24', AuxAddresses: null }],
      IPv6Data: [],
    },
    calls: [['createNetwork', { networkId, tenant: 'blue', network: 'net1' }]],
    answer: {},
  },
  {
    name: 'a network that Docker makes by itself',
    method: 'NetworkDriver.CreateNetwork',
    body: {
      NetworkID: networkId,
      Options: { 'com.docker.network.enable_ipv6': true, 'com.docker.network.generic': { tenant: 'blue' }, 'com.docker.network.internal': true },
      IPv4Data: [{ AddressSpace: 'netctl-local', AuxAddresses: { a: '10.5.0.77/24' }, Gateway: '10.5.0.9/24', Pool: '10.5.0.0/24' }],
      IPv6Data: [{ AddressSpace: 'netctl-local', Gateway: '2001:db8:5::1/64', Pool: '2001:db8:5::/64' }],
    },
    calls: [
      [
        'createUnnamedNetwork',
        {
          ...{ networkId, tenant: 'blue', internal: true, addressesBy: 'netctl' },
          subnets: [
            { prefix: '10.5.0.0/24', gateway: '10.5.0.9', reserved: ['10.5.0.77'] },
            { prefix: '2001:db8:5::/64', gateway: '2001:db8:5::1', reserved: [] },
          ],
        },
      ],
    ],
    answer: {},
  },
  {
    name: 'one whose addresses Docker gives',
    method: 'NetworkDriver.CreateNetwork',
    body: { NetworkID: networkId, Options: {}, IPv4Data: [{ AddressSpace: 'LocalDefault', Gateway: '172.18.0.1/16', Pool: '172.18.0.0/16' }], IPv6Data: [] },
    calls: [
      [
        'createUnnamedNetwork',
        { networkId, tenant: 'default', internal: false, addressesBy: 'docker', subnets: [{ prefix: '172.18.0.0/16', gateway: '172.18.0.1', reserved: [] }] },
      ],
    ],
    answer: {},
  },
  {
    name: 'an option that nobody knows, as a misspelt one',
    method: 'NetworkDriver.CreateNetwork',
    body: { NetworkID: networkId, Options: { 'com.docker.network.generic': { tennant: 'blue' } }, IPv4Data: [], IPv6Data: null },
    calls: [],
    answer: { Err: 'netctl does not know the network option "tennant": a network may have the option "tenant", as in "-o tenant=blue"' },
  },
  {
    name: 'a network without its tenant',
    method: 'NetworkDriver.CreateNetwork',
    body: { NetworkID: networkId, Options: { 'com.docker.network.generic': { network: 'n1' } }, IPv4Data: [], IPv6Data: null },
    calls: [],
    answer: { Err: 'the network option "network=n1" is netctl\'s own: leave it out, or say the tenant, too' },
  },
  { name: 'the end of a network', method: 'NetworkDriver.DeleteNetwork', body: { NetworkID: networkId }, calls: [['deleteNetwork', networkId]], answer: {} },
  {
    name: 'an endpoint, its MAC left to netctl',
    method: 'NetworkDriver.CreateEndpoint',
    body: {
      ...ids,
      Interface: { Address: '10.1.1.5/24', AddressIPv6: '2001:db8::5/64', MacAddress: '' },
      Options: { 'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 80 }], 'com.docker.network.portmap': [] },
    },
    calls: [['createEndpoint', { networkId, endpointId, addresses: ['10.1.1.5', '2001:db8::5'] }]],
    answer: { Interface: { MacAddress: '02:02:0a:01:01:05' } },
  },
  {
    name: 'an endpoint with a MAC given: none comes back',
    method: 'NetworkDriver.CreateEndpoint',
    body: { ...ids, Interface: { Address: '10.1.1.5/24', AddressIPv6: '', MacAddress: '02:42:AC:11:00:02' }, Options: null },
    calls: [['createEndpoint', { networkId, endpointId, addresses: ['10.1.1.5'], mac: '02:42:ac:11:00:02' }]],
    answer: { Interface: {} },
  },
  {
    name: 'an endpoint without an interface',
    method: 'NetworkDriver.CreateEndpoint',
    body: { ...ids, Interface: null, Options: null },
    calls: [['createEndpoint', { networkId, endpointId, addresses: [] }]],
    answer: { Interface: { MacAddress: '02:02:0a:01:01:05' } },
  },
  { name: 'the end of an endpoint', method: 'NetworkDriver.DeleteEndpoint', body: ids, calls: [['deleteEndpoint', { networkId, endpointId }]], answer: {} },
  {
    name: 'what is known of an endpoint',
    method: 'NetworkDriver.EndpointOperInfo',
    body: ids,
    calls: [['endpointInfo', { networkId, endpointId }]],
    answer: { Value: { tenant: 'default' } },
  },
  {
    name: 'join',
    method: 'NetworkDriver.Join',
    body: { ...ids, SandboxKey: '/var/run/docker/netns/123', Options: {} },
    calls: [['join', { networkId, endpointId, sandboxKey: '/var/run/docker/netns/123' }]],
    answer: { InterfaceName: { SrcName: 'nc1234', DstPrefix: 'eth' }, Gateway: '10.1.1.254', StaticRoutes: [], DisableGatewayService: true },
  },
  { name: 'leave', method: 'NetworkDriver.Leave', body: ids, calls: [['leave', { networkId, endpointId }]], answer: {} },
  {
    name: 'no published ports',
    method: 'NetworkDriver.ProgramExternalConnectivity',
    body: { ...ids, Options: { 'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 80 }], 'com.docker.network.portmap': [] } },
    calls: [['publish', { endpointId, ports: [] }]],
    answer: {},
  },
  { name: 'no ports at all', method: 'NetworkDriver.ProgramExternalConnectivity', body: { ...ids, Options: null }, calls: [['publish', { endpointId, ports: [] }]], answer: {} },
  {
    name: 'published ports',
    method: 'NetworkDriver.ProgramExternalConnectivity',
    body: {
      ...ids,
      Options: {
        'com.docker.network.portmap': [
          { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8888, HostPortEnd: 8888 },
          { Proto: 17, IP: '', Port: 53, HostIP: '192.168.50.1', HostPort: 5300, HostPortEnd: 5310 },
          { Proto: 132, Port: 9 },
        ],
      },
    },
    calls: [
      [
        'publish',
        {
          endpointId,
          ports: [
            { protocol: 6, port: 80, hostPort: 8888, hostPortEnd: 8888 },
            { protocol: 17, port: 53, hostIp: '192.168.50.1', hostPort: 5300, hostPortEnd: 5310 },
            { protocol: 132, port: 9, hostPort: 0, hostPortEnd: 0 },
          ],
        },
      ],
    ],
    answer: {},
  },
  { name: 'ports no longer published', method: 'NetworkDriver.RevokeExternalConnectivity', body: ids, calls: [['revoke', { endpointId }]], answer: {} },
  { name: 'a discovered node', method: 'NetworkDriver.DiscoverNew', body: { DiscoveryType: 1, DiscoveryData: { Address: '10.0.0.1', self: true } }, calls: [], answer: {} },
  { name: 'a lost node', method: 'NetworkDriver.DiscoverDelete', body: { DiscoveryType: 1, DiscoveryData: {} }, calls: [], answer: {} },
  {
    name: 'a swarm network',
    method: 'NetworkDriver.AllocateNetwork',
    body: { NetworkID: networkId, Options: {}, IPv4Data: [], IPv6Data: [] },
    calls: [],
    answer: { Err: 'netctl networks are local to each Docker host, so that swarm cannot allocate them: leave out "--scope swarm"' },
  },
  { name: 'the end of a swarm network', method: 'NetworkDriver.FreeNetwork', body: { NetworkID: networkId }, calls: [], answer: {} },
];

for (const { name, method, body, calls = [], answer } of cases) {
  t.test(`${method}: ${name}`, async (t) => {
    const rig = await startRig(t);
    const reply = await rig.call(method, body);
    t.equal(reply.status, 200);
    t.equal(reply.headers['content-type'], 'application/vnd.docker.plugins.v1.2+json');
    t.equal(reply.headers.connection, 'close', 'the connection is not kept');
    t.strictSame(reply.body, answer);
    t.strictSame(rig.ports.plain, calls);
  });
}

t.test('a network without gateway, and one with two, join as they are', async (t) => {
  const rig = await startRig(t);
  const body = { ...ids, SandboxKey: '/key', Options: null };
  rig.ports.joinAnswer = { linkName: 'nc1', linkPrefix: 'eth' };
  t.strictSame((await rig.call('NetworkDriver.Join', body)).body, {
    InterfaceName: { SrcName: 'nc1', DstPrefix: 'eth' },
    StaticRoutes: [],
    DisableGatewayService: true,
  });
  rig.ports.joinAnswer = { linkName: 'nc1', linkPrefix: 'eth', gateway: IpAddress.parse('10.1.1.1'), gatewayV6: IpAddress.parse('fd00::1') };
  t.match((await rig.call('NetworkDriver.Join', body)).body, { Gateway: '10.1.1.1', GatewayIPv6: 'fd00::1' });
  rig.ports.joinAnswer = { linkName: 'nc1', linkPrefix: 'eth', routes: [{ destination: Prefix.parse('::/0'), nextHop: IpAddress.parse('fd00::1') }] };
  t.match((await rig.call('NetworkDriver.Join', body)).body, { StaticRoutes: [{ Destination: '::/0', RouteType: 0, NextHop: 'fd00::1' }] });
});

t.test('a MAC that a port returns although one was given does not reach Docker', async (t) => {
  const rig = await startRig(t);
  rig.ports.mac = Mac.parse('02:42:ac:11:00:02');
  const reply = await rig.call('NetworkDriver.CreateEndpoint', { ...ids, Interface: { MacAddress: '02:42:ac:11:00:02' } });
  t.strictSame(reply.body, { Interface: {} });
});
