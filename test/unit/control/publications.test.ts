import t, { type Test } from 'tap';
import type { PortRequest } from '../../../plugin/ports.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { decodeStored } from '../../../src/model/stored.js';
import type { Publication } from '../../../src/model/publication.js';
import type { Flow } from '../../../src/nat/input.js';
import { Bed, networkRequest, until } from './bed.js';

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  await bed.control.createTenant({ name: 'blue' });
  await bed.control.createNetwork(networkRequest('default', 'net', '10.1.1.0/24', '10.1.1.254'));
  await bed.control.createNetwork(networkRequest('default', 'bare', '10.2.1.0/24'));
  await bed.control.createNetwork(networkRequest('blue', 'net', '10.1.1.0/24', '10.1.1.254'));
  return bed;
}

const tcp = (hostPort: number, more: Partial<PortRequest> = {}): PortRequest => ({ protocol: 6, port: 80, hostPort, hostPortEnd: 0, ...more });
const held = (bed: Bed): string[] => bed.ports.held.map(({ protocol, address, port }) => `${protocol} ${address.toString()} ${port}`).sort();

async function publicationsOf(bed: Bed, container: string): Promise<readonly Publication[]> {
  const stored = await bed.store.get(`endpoints/${bed.docker.endpointOf(container)}`);
  return decodeStored.endpoint(stored?.value).publications ?? [];
}

const rules = async (bed: Bed): Promise<string> => (await bed.hostNetwork.read()).rules ?? '';

t.test('a published port is held, led to the router, and given back', async (t) => {
  const bed = await started(t);
  const id = await bed.docker.run({ name: 'web', network: 'net', publish: [tcp(8080), { ...tcp(5300), protocol: 17, port: 53, hostIp: IpAddress.parse('192.168.50.11') }] });
  t.strictSame(held(bed), ['tcp 0.0.0.0 8080', 'udp 192.168.50.11 5300']);
  t.match(await rules(bed), /tcp \. 8080 : 169\.254\.240\.1 \. 8080/, 'led when docker run returns');
  t.match(await rules(bed), /192\.168\.50\.11 \. udp \. 5300 : 169\.254\.240\.1 \. 5300/);
  const nat = await bed.kernel.nftables.read('default');
  t.match(typeof nat === 'object' ? [...nat.ip.ports.keys()].sort() : nat, [/^169\.254\.240\.1 .*tcp.*8080/, /^169\.254\.240\.1 .*udp.*5300/]);
  t.match(bed.control.findEndpoints('web'), [{ ports: [{ protocol: 'tcp', port: 80, hostPort: 8080 }, { protocol: 'udp', port: 53, hostPort: 5300 }] }]);
  await bed.docker.stop(id);
  t.strictSame(held(bed), []);
  t.notMatch(await rules(bed), /8080|5300/, 'gone when docker stop returns');
});

t.test('Docker may ask twice, and for something else', async (t) => {
  const bed = await started(t);
  const id = await bed.docker.run({ network: 'net', publish: [tcp(8080), tcp(0, { port: 81 })] });
  const before = await publicationsOf(bed, id);
  const endpointId = bed.docker.endpointOf(id);
  const again = [tcp(8080), tcp(0, { port: 81 })];
  await Promise.all([bed.control.pluginPublications.publish({ endpointId, ports: again }), bed.control.pluginPublications.publish({ endpointId, ports: again })]);
  t.strictSame(await publicationsOf(bed, id), before, 'the same is the same');
  await bed.control.pluginPublications.publish({ endpointId, ports: [tcp(8081)] });
  t.strictSame(held(bed), ['tcp 0.0.0.0 8081']);
  await bed.control.pluginPublications.publish({ endpointId, ports: [] });
  t.strictSame(held(bed), []);
  await bed.control.pluginPublications.revoke(endpointId);
  await bed.control.pluginPublications.revoke('f'.repeat(64));
  await t.rejects(bed.control.pluginPublications.publish({ endpointId: 'f'.repeat(64), ports: [tcp(1)] }), { code: 'not-found' });
});

t.test('who leaves gives his ports back, though Docker does not revoke them', async (t) => {
  const bed = await started(t);
  const id = await bed.docker.run({ network: 'net', publish: [tcp(8080)] });
  await bed.control.pluginEndpoints.leave('', bed.docker.endpointOf(id));
  t.strictSame([held(bed), await publicationsOf(bed, id)], [[], []]);
});

t.test('two at once never get the same port of the host, nor of the router', async (t) => {
  const bed = await started(t);
  const ids = await Promise.all(Array.from({ length: 10 }, (_, index) => bed.docker.run({ network: 'net', publish: [tcp(9000, { hostPortEnd: 9009 }), tcp(9100 + index, { hostIp: IpAddress.parse('127.0.0.1') })] })));
  const all = (await Promise.all(ids.map((id) => publicationsOf(bed, id)))).flat();
  for (const port of ['hostPort', 'routerPort'] as const) t.equal(new Set(all.map((publication) => publication[port])).size, 20, port);
  await t.rejects(bed.docker.run({ network: 'net', publish: [tcp(9000, { hostPortEnd: 9009 })] }), { code: 'conflict', message: /none of the ports 9000-9009\/tcp of the host is free for port 80/ });
  const [first, second] = [await bed.docker.run({ network: 'net', publish: [tcp(7000, { hostIp: IpAddress.parse('127.0.0.1') })] }), await bed.docker.run({ network: 'net', publish: [tcp(7000, { hostIp: IpAddress.parse('192.168.50.11') })] })];
  t.strictSame([...(await publicationsOf(bed, first)), ...(await publicationsOf(bed, second))].map(({ hostPort, routerPort }) => [hostPort, routerPort]), [[7000, 7000], [7000, 7001]], 'one port at two addresses is two ports of the router');
});

t.test('refusals name what is in the way, and leave nothing', async (t) => {
  const bed = await started(t);
  await bed.docker.run({ name: 'web', network: 'net', publish: [tcp(8080)] });
  bed.ports.taken.push({ protocol: 'tcp', address: IpAddress.parse('0.0.0.0'), port: 8081 });
  const before = [held(bed), await rules(bed)];
  const cases: [PortRequest[], string, RegExp][] = [
    [[tcp(8079), tcp(8080)], 'conflict', /^port 8080\/tcp of the host is published by container web already: choose another one$/],
    [[tcp(8079), tcp(8081)], 'conflict', /^port 8081\/tcp of the host is in use by another program: choose another one$/],
    [[tcp(8079), tcp(8079)], 'conflict', /^port 8079\/tcp of the host is asked for twice: choose another one$/],
    [[tcp(8079, { protocol: 132 })], 'invalid', /^port 80\/sctp cannot be published: netctl publishes TCP and UDP only$/],
    [[tcp(8079, { hostIp: IpAddress.parse('::1') })], 'invalid', /^port 80\/tcp cannot be published at ::1: the container has no IPv6 address with a gateway$/],
    [[tcp(8079, { hostIp: IpAddress.parse('10.9.9.9') })], 'invalid', /10\.9\.9\.9 is not an address of this host/],
  ];
  for (const [publish, code, message] of cases) {
    await t.rejects(bed.docker.run({ network: 'net', publish }), { code, message });
    t.strictSame([held(bed), await rules(bed)], before, message.source);
  }
  await t.rejects(bed.docker.run({ network: 'bare', publish: [tcp(8079)] }), { code: 'invalid', message: /network bare has no gateway, so that answers would find no way out/ });
  t.equal(bed.control.listEndpoints().length, 1);
});

t.test('what the kernel refuses is not published', async (t) => {
  const bed = await started(t);
  const id = await bed.docker.run({ network: 'net' });
  bed.refuses = () => true;
  await t.rejects(bed.control.pluginPublications.publish({ endpointId: bed.docker.endpointOf(id), ports: [tcp(8080)] }), { message: /the ports of the container could not be published: .*the kernel refuses/ });
  bed.refuses = () => false;
  t.strictSame([held(bed), await publicationsOf(bed, id)], [[], []]);
});

t.test('a daemon that comes back holds what was published, and tells what was lost', async (t) => {
  const bed = await started(t);
  await bed.docker.run({ name: 'web', network: 'net', publish: [tcp(8080), tcp(8081)] });
  await bed.stop();
  t.strictSame(held(bed), [], 'a process that ends holds nothing');
  bed.ports.taken.push({ protocol: 'tcp', address: IpAddress.parse('0.0.0.0'), port: 8081 });
  await bed.start();
  t.strictSame(held(bed), ['tcp 0.0.0.0 8080']);
  t.match(bed.control.findEndpoints('web'), [{ error: 'port 8081/tcp of the host is in use by another program: choose another one' }]);
  t.match(bed.control.listEvents().filter(({ reason }) => reason === 'PortLost'), [{ kind: 'endpoint', type: 'warning' }]);
  t.match(await rules(bed), /8081/, 'what comes to it still goes to the container');
});

t.test('UDP of the host that no port leads is forgotten', async (t) => {
  const bed = await started(t);
  const at = (address: string, port: number): Flow['client'] => ({ address: IpAddress.parse(address), port });
  const flow = (port: number, provider: Flow['client']): Flow => ({ protocol: 'udp', client: at('192.168.50.200', 6000), service: at('192.168.50.11', port), provider });
  const [before, foreign, other] = [flow(53, at('192.168.50.11', 53)), flow(54, at('172.17.0.2', 54)), flow(55, at('192.168.50.11', 55))];
  bed.hostFlows.flows = [before, foreign, other];
  const id = await bed.docker.run({ network: 'net', publish: [{ ...tcp(53), protocol: 17 }] });
  t.strictSame(bed.hostFlows.flows, [foreign, other], 'what the host itself answered, at this port alone');
  const led = flow(53, at('169.254.240.1', 53));
  bed.hostFlows.flows = [led, foreign, other];
  await bed.docker.run({ network: 'net', publish: [{ ...tcp(5353), protocol: 17 }] });
  t.strictSame(bed.hostFlows.flows, [led, foreign, other], 'what is led stays');
  await bed.docker.stop(id);
  t.strictSame(bed.hostFlows.flows, [foreign, other], 'until it is not');
});

t.test('uplinks have the lowest free number, and keep it', async (t) => {
  const bed = await started(t);
  const numbers = async (): Promise<string[]> => (await bed.store.list('uplinks/')).entries.map(({ value }) => decodeStored.uplink(value)).map(({ tenant, index }) => `${tenant} ${index}`).sort();
  t.strictSame(await numbers(), ['blue 1', 'default 0']);
  for (const name of ['net', 'bare']) await bed.control.deleteNetwork('default', name);
  await until('it is free', async () => (await numbers()).length === 1);
  await bed.control.createTenant({ name: 'red' });
  await bed.control.createNetwork(networkRequest('red', 'bare', '10.1.1.0/24'));
  t.strictSame(await numbers(), ['blue 1'], 'who leads nowhere needs none');
  await bed.control.createNetwork(networkRequest('red', 'net', '10.3.1.0/24', '10.3.1.254'));
  t.strictSame(await numbers(), ['blue 1', 'red 0']);
  await bed.stop();
  await bed.start();
  t.strictSame(await numbers(), ['blue 1', 'red 0'], 'also after a restart');
});

t.test('when all numbers are taken it is said', async (t) => {
  const bed = new Bed();
  bed.uplinkRanges = { ...bed.uplinkRanges, ipv4: Prefix.parse('169.254.240.0/31') };
  await bed.start();
  t.teardown(() => bed.stop());
  await bed.control.createTenant({ name: 'blue' });
  await bed.control.createNetwork(networkRequest('default', 'net', '10.1.1.0/24', '10.1.1.254'));
  await t.rejects(bed.control.createNetwork(networkRequest('blue', 'net', '10.1.1.0/24', '10.1.1.254')), { code: 'exhausted', message: /^no address is left for the link between one more tenant and this host: 1 tenant has one; / });
  await bed.control.createNetwork(networkRequest('blue', 'bare', '10.1.1.0/24'));
  t.equal(bed.control.tenant('blue').error, undefined, 'without a way out there is no need for one');
});

t.test('host access: what overlaps is refused, or left out and told', async (t) => {
  const bed = await started(t);
  const reached = async (): Promise<string[]> => [...(await bed.hostNetwork.read()).routes.values()].map(({ prefix, link }) => `${prefix.toString()} ${link}`).sort();
  t.strictSame(await reached(), ['10.1.1.0/24 nu-0', '10.2.1.0/24 nu-0'], 'tenant default alone');
  bed.hostNetwork.routes.push({ prefix: Prefix.parse('192.168.0.0/16'), link: 'eth0' });
  await t.rejects(bed.control.createNetwork(networkRequest('default', 'x', '192.168.50.0/24')), {
    code: 'conflict',
    message: 'subnet 192.168.50.0/24 overlaps with route 192.168.0.0/16 dev eth0 of this host: use another subnet, or a tenant without host access (netctl tenant create NAME)',
  });
  await bed.control.createNetwork(networkRequest('blue', 'x', '192.168.50.0/24'));
  await t.rejects(bed.control.createTenant({ name: 'blue', hostAccess: true }), { code: 'conflict', message: /subnet 10\.1\.1\.0\/24 overlaps with 10\.1\.1\.0\/24 of network net in tenant default, which this host reaches, too/ });
  await bed.control.createTenant({ name: 'default', hostAccess: false });
  t.strictSame(await reached(), []);
  await t.rejects(bed.control.createTenant({ name: 'blue', hostAccess: true }), { code: 'conflict', message: /subnet 192\.168\.50\.0\/24 overlaps with route/ });
  bed.hostNetwork.routes.length = 0;
  t.match(await bed.control.createTenant({ name: 'blue', hostAccess: true }), { created: false, tenant: { name: 'blue', hostAccess: true } });
  t.strictSame(await reached(), ['10.1.1.0/24 nu-1', '192.168.50.0/24 nu-1']);
  bed.hostNetwork.routes.push({ prefix: Prefix.parse('192.168.50.128/25'), link: 'eth1' });
  await bed.stop();
  await bed.start();
  await bed.settle();
  t.strictSame(await reached(), ['10.1.1.0/24 nu-1'], 'what overlaps later');
  t.equal(bed.control.tenant('blue').error, 'the host does not reach subnet 192.168.50.0/24 of network x, because it overlaps with route 192.168.50.128/25 dev eth1 of this host');
});
