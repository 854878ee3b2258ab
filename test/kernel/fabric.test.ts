import '../support/throw-away-host.js';
import { execa } from 'execa';
import t from 'tap';
import { routerName } from '../../daemon/kernel/netns.js';
import { containerLinkName, portName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import { inContainer, reaches, startContainer, stopContainer } from '../support/containers.js';
import { comparable, endpointId } from '../unit/fabric/arbitraries.js';
import { endpoint, fabric, reconcile, routers, sampleInput } from './fabric-bed.js';

const plan = planFabric(sampleInput);

t.test('packets', async (t) => {
  await routers.ensure('blue');
  t.teardown(async () => {
    for (const name of ['c1', 'c2', 'c3']) await stopContainer(name);
    await routers.remove('blue');
  });
  await reconcile('blue', plan);
  await startContainer('c1', containerLinkName(endpointId(1)), '10.1.0.1/24', '10.1.0.254');
  await startContainer('c2', containerLinkName(endpointId(2)), '10.1.0.2/24', '10.1.0.254');
  await startContainer('c3', containerLinkName(endpointId(3)), '10.2.0.3/24');

  await t.test("the container's end is as planned", async (t) => {
    const [link] = JSON.parse(await inContainer('c1', 'ip', '-json', 'link', 'show', 'eth0')) as [{ address: string; mtu: number }];
    t.match(link, { address: '02:02:0a:01:00:01', mtu: 1500 });
  });

  await t.test('containers of a segment reach each other, and their gateway', async (t) => {
    t.ok(await reaches('c1', '10.1.0.2'));
    t.ok(await reaches('c1', '10.1.0.254'));
    await inContainer('c1', 'ip', 'address', 'add', 'fd00:1::1/64', 'dev', 'eth0', 'nodad');
    await inContainer('c2', 'ip', 'address', 'add', 'fd00:1::2/64', 'dev', 'eth0', 'nodad');
    t.ok(await reaches('c1', 'fd00:1::2'));
    t.ok(await reaches('c1', 'fd00:1::ff'));
  });

  await t.test('the router answers ARP for a service address and takes the packet', async (t) => {
    t.ok(await reaches('c1', '10.1.0.9'), "in the client's own segment");
    t.match(await inContainer('c1', 'ip', 'neighbour', 'show', '10.1.0.9'), /lladdr 02:01:00:00:00:01/);
    t.ok(await reaches('c1', '10.2.0.9'), 'in another segment, by the gateway');
    t.notOk(await reaches('c1', '10.1.0.8'), 'but not for an address that is nobody’s');
  });

  await t.test('the router answers neighbour solicitations for a service address of the segment', async (t) => {
    t.ok(await reaches('c1', 'fd00:1::9'));
    t.match(await inContainer('c1', 'ip', 'neighbour', 'show', 'fd00:1::9'), /lladdr 02:01:00:00:00:01/);
    t.notOk(await reaches('c1', 'fd00:1::8'), 'but not for an address that is nobody’s');
    const { stdout } = await execa('ip', ['-n', routerName('blue'), '-6', 'route', 'get', 'fd00:1::1']);
    t.match(stdout, / src fd00:1::ff /, 'and sends with the address of the gateway');
  });

  await t.test('without a gateway the router reaches the segment all the same', async (t) => {
    t.ok(await reaches('c3', '10.2.0.9'));
    const steps = [...plan.routes.values()].filter(({ kind }) => kind === 'segment').map((route) => ({ action: 'deleteRoute', route }) as const);
    await fabric.apply('blue', steps);
    t.notOk(await reaches('c3', '10.2.0.9'), 'its route is what does it');
    t.equal(await reconcile('blue', plan), 1);
    t.ok(await reaches('c3', '10.2.0.9'));
  });

  await t.test('a router without rules forwards between segments', async (t) => {
    await inContainer('c3', 'ip', 'route', 'add', '10.1.0.0/24', 'via', '10.2.0.9');
    t.ok(await reaches('c1', '10.2.0.3'));
  });

  await t.test('a frame is sent back through the port it came from, because hairpin is on', async (t) => {
    // A neighbour with the container's own MAC address: only a hairpin port gives the frame back.
    await inContainer('c1', 'ip', 'neighbour', 'replace', '10.1.0.77', 'lladdr', '02:02:0a:01:00:01', 'dev', 'eth0', 'nud', 'permanent');
    t.equal(await strayPackets('c1', () => reaches('c1', '10.1.0.77')), 1);
    const link = plan.links.get(portName(endpointId(1)));
    if (link?.kind !== 'port') throw new TypeError('the port is not planned');
    await fabric.apply('blue', [{ action: 'setPort', link: { ...link, hairpin: false } }]);
    t.equal(await strayPackets('c1', () => reaches('c1', '10.1.0.77')), 0);
    t.equal(await reconcile('blue', plan), 1);
  });

  await t.test('what was applied is read again, whatever the containers do', async (t) => {
    t.same(comparable(await fabric.read('blue')), comparable(plan));
    await inContainer('c3', 'ip', 'link', 'set', 'eth0', 'down');
    await until(async () => /state DOWN/.test((await execa('ip', ['-n', routerName('blue'), 'link', 'show', 'br2'])).stdout));
    t.equal(await reconcile('blue', plan), 0, 'a bridge without a carrier');
    await stopContainer('c2');
    await until(async () => !(await fabric.read('blue')).links.has(portName(endpointId(2))));
    t.equal(await reconcile('blue', plan), 1, 'a container whose namespace ended took its link with it');
  });
});

/** How many IPv4 packets to the addresses of others the container received meanwhile. */
async function strayPackets(container: string, meanwhile: () => Promise<unknown>): Promise<number> {
  const before = await inAddrErrors(container);
  await meanwhile();
  return (await inAddrErrors(container)) - before;
}

/** ipInAddrErrors of RFC 1213. */
async function inAddrErrors(container: string): Promise<number> {
  const [names, values] = (await inContainer(container, 'cat', '/proc/net/snmp')).split('\n').filter((line) => line.startsWith('Ip: '));
  return Number(values?.split(' ')[names?.split(' ').indexOf('InAddrErrors') ?? -1]);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not come about in time');
  }
}

t.test('a hundred containers at once', async (t) => {
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  const endpoints = Array.from({ length: 100 }, (_, index) => endpoint(index, 1, `10.1.0.${index + 1}`));
  const many = planFabric({ ...sampleInput, endpoints });
  await reconcile('blue', many);
  t.same(comparable(await fabric.read('blue')), comparable(many));
});

t.test("a link in the way, here another tenant's with the same names, gives way", async (t) => {
  t.teardown(() => Promise.all(['blue', 'red'].map((tenant) => routers.remove(tenant))));
  for (const tenant of ['red', 'blue']) await routers.ensure(tenant);
  await reconcile('red', plan);
  await reconcile('blue', plan);
  t.same(comparable(await fabric.read('blue')), comparable(plan));
  t.notOk((await fabric.read('red')).links.has(portName(endpointId(1))), 'with its other end');
});
