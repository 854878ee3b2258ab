import '../support/throw-away-host.js';
import { statSync, writeFileSync } from 'node:fs';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { inNamespace, routerName, routerPath } from '../../daemon/kernel/netns.js';
import type { FabricChange } from '../../daemon/kernel/port.js';
import { bridgeName, containerLinkName, portName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import { IpAddress, Mac } from '../../src/model/address.js';
import { until } from '../support/until.js';
import { endpointId } from '../unit/fabric/arbitraries.js';
import { fabric, reconcile, routers, sampleInput } from './fabric-bed.js';

// What somebody else does to a router shows without a reading of it, and what netctl does itself does not.

const tenant = 'blue';
const desired = planFabric(sampleInput);
const [port, bridge] = [portName(endpointId(1)), bridgeName(1)];

async function start(t: Test): Promise<void> {
  await routers.ensure(tenant);
  t.teardown(() => routers.remove(tenant));
  await reconcile(tenant, desired);
  routers.leaveNetfilterToBridges(tenant);
  await untilUnseen(() => Promise.resolve());
}

/** Waits until the work is not taken for somebody else's: a new link's carrier is told of up to a second late (the kernel's linkwatch). */
async function untilUnseen(work: () => Promise<unknown>, seen: (change: FabricChange) => void = () => undefined): Promise<void> {
  const end = performance.now() + 20_000;
  for (;;) {
    seen(fabric.changedByOthers(tenant));
    await work();
    if (fabric.changedByOthers(tenant) === 'nothing') return;
    if (performance.now() > end) throw new Error('own work shows as somebody else’s');
  }
}

/** As a frame does that passes the bridge. */
const bridgeFdb = (verb: string) => execa('ip', ['netns', 'exec', routerName(tenant), 'bridge', 'fdb', verb, '02:00:00:00:00:77', 'dev', port, 'master', 'permanent']);
const ip = (command: string) => execa('ip', ['-n', routerName(tenant), ...command.split(' ')]);

t.test('changes of links, addresses, routes and neighbours show, once', async (t) => {
  await start(t);
  t.equal(fabric.changedByOthers(tenant), 'nothing', 'nothing shows while nothing happens');
  const damages = [
    `neighbour delete 10.1.0.1 dev ${bridge}`,
    `neighbour replace 10.1.0.2 lladdr 02:00:00:00:00:09 nud reachable dev ${bridge}`,
    `route delete local 10.1.0.9 dev lo table local`,
    `address delete 10.1.0.254/24 dev ${bridge}`,
    `-6 address delete fd00:1::ff/64 dev ${bridge}`,
    `link set ${port} nomaster`,
    `link set ${port} down`,
    `link set ${bridge} address 02:00:00:00:00:33`,
    `link set ${bridge} type bridge nf_call_iptables 1`,
    `link delete ${port}`,
    `link set lo down`,
  ];
  for (const damage of damages) {
    await ip(damage);
    t.equal(fabric.changedByOthers(tenant), damage.includes(` ${port}`) ? 'ports' : 'anything', damage);
    await untilUnseen(() => Promise.resolve());
  }
  await routers.ensure(tenant);
  await reconcile(tenant, desired);
  await untilUnseen(() => Promise.resolve());
  await execa('ip', ['netns', 'exec', routerName(tenant), 'bridge', 'link', 'set', 'dev', port, 'hairpin', 'off']);
  t.equal(fabric.changedByOthers(tenant), 'ports', 'hairpin');
});

t.test('a container that comes or goes shows as the link of its endpoint only', async (t) => {
  await start(t);
  const others = sampleInput.endpoints.slice(1);
  const runs = async (endpoints: typeof sampleInput.endpoints): Promise<void> => {
    await reconcile(tenant, planFabric({ ...sampleInput, endpoints }));
    // Docker moves the other end into the container, and sets it up.
    for (const { id } of endpoints) await execa('ip', ['link', 'set', containerLinkName(id), 'up']);
  };
  // With the first one its bridge has a carrier, and keeps it; that is told late, too.
  await runs(sampleInput.endpoints);
  for (const { vni } of sampleInput.networks) await until(`${bridgeName(vni)} has a carrier`, async () => (await ip(`-oneline link show ${bridgeName(vni)}`)).stdout.includes('state UP'));
  await untilUnseen(() => Promise.resolve());
  for (const endpoints of [others, sampleInput.endpoints, others]) {
    await runs(endpoints);
    await untilUnseen(() => Promise.resolve(), (change) => t.not(change, 'anything', `${endpoints.length} endpoints`));
  }
});

t.test('the routes of services do not show, nor what a bridge learns', async (t) => {
  await start(t);
  const fewer = { ...desired, routes: new Map([...desired.routes].slice(1)) };
  await untilUnseen(async () => {
    t.ok((await reconcile(tenant, fewer)) > 0);
    t.ok((await reconcile(tenant, desired)) > 0);
  });
  await untilUnseen(() => bridgeFdb('replace'));
});

t.test('what somebody does to the ways to other hosts shows', async (t) => {
  await start(t);
  const ip4 = (text: string): IpAddress => IpAddress.parse(text);
  const remotes = [{ vni: 1, addresses: [ip4('10.1.0.3')], mac: Mac.fromIp(ip4('10.1.0.3')), underlay: ip4('192.0.2.2') }];
  await reconcile(tenant, planFabric({ ...sampleInput, overlay: { local: ip4('192.0.2.1'), port: 4789, mtu: 1450, remotes } }));
  await untilUnseen(() => Promise.resolve());
  const [mac, all] = ['02:02:0a:01:00:03', '00:00:00:00:00:00'];
  const damages = [`delete ${mac} dev vx1 self`, `delete ${mac} dev vx1 master`, `delete ${all} dev vx1 dst 192.0.2.2 self`, `append ${all} dev vx1 dst 192.0.2.3 self`];
  for (const damage of damages) {
    await execa('ip', ['netns', 'exec', routerName(tenant), 'bridge', 'fdb', ...damage.split(' ')]);
    t.equal(fabric.changedByOthers(tenant), 'anything', damage);
    await untilUnseen(() => Promise.resolve());
  }
});

t.test('more changes than the kernel keeps are changes, too', async (t) => {
  await start(t);
  const churn = Array.from({ length: 3000 }, (_, i) => `route ${i % 2 ? 'del' : 'add'} 10.77.0.0/24 dev ${bridge}`).join('\n');
  await execa('ip', ['-n', routerName(tenant), '-batch', '-'], { input: churn });
  t.equal(fabric.changedByOthers(tenant), 'anything');
  t.equal(fabric.changedByOthers(tenant), 'nothing');
  await ip('route add 10.78.0.0/24 dev lo');
  t.equal(fabric.changedByOthers(tenant), 'anything', 'after that it goes on');
});

t.test('a setting that somebody changed shows, and is counted when it is put right', async (t) => {
  await start(t);
  t.equal(routers.isIntact(tenant), true);
  inNamespace(routerPath(tenant), () => writeFileSync('/proc/sys/net/ipv4/ip_forward', '0'));
  t.equal(routers.isIntact(tenant), false);
  t.match(await routers.ensure(tenant), { namespace: 'found' });
  t.equal(routers.isIntact(tenant), true);
  inNamespace(routerPath(tenant), () => writeFileSync('/proc/sys/net/bridge/bridge-nf-call-ip6tables', '1'));
  t.equal(routers.isIntact(tenant), false);
  t.equal(routers.isNetfilterWithBridges(tenant), false);
  t.same(await routers.ensure(tenant), { namespace: 'found', settings: 0 }, 'that is left to whoever has seen to the bridges');
  t.equal(routers.leaveNetfilterToBridges(tenant), 1);
  await ip('link set lo down');
  t.same(await routers.ensure(tenant), { namespace: 'found', settings: 1 });
  t.equal(routers.isIntact(tenant), true);
});

for (const [what, damage] of [
  ['deleted', ''],
  ['replaced by another one', `ip netns add ${routerName(tenant)}`],
  ['replaced by a file', `touch ${routerPath(tenant)}`],
] as const) {
  t.test(`a router whose name was ${what} is the same one afterwards, with all that is in it`, async (t) => {
    await start(t);
    const inode = statSync(routerPath(tenant)).ino;
    await execa('sh', ['-c', `ip netns delete ${routerName(tenant)}; ${damage}`]);
    t.equal(routers.isIntact(tenant), false);
    t.match(await routers.ensure(tenant), { namespace: 'named', settings: 0 });
    t.equal(routers.isIntact(tenant), true);
    t.equal(statSync(routerPath(tenant)).ino, inode);
    t.equal(await reconcile(tenant, desired), 0, 'nothing is lost');
    await ip('link show');
  });
}

t.test('a router that netctl removes is gone, although it was held', async (t) => {
  await start(t);
  await execa('ip', ['link', 'add', 'probe', 'type', 'veth', 'peer', 'name', 'inside', 'netns', routerName(tenant)]);
  await routers.remove(tenant);
  const end = performance.now() + 10_000;
  const isThere = async (): Promise<boolean> => (await execa('ip', ['link', 'show', 'probe'], { reject: false })).exitCode === 0;
  while ((await isThere()) && performance.now() < end);
  t.notOk(await isThere(), 'its links have gone with it');
});
