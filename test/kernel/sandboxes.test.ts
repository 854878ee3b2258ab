import '../support/throw-away-host.js';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { KernelSandboxes } from '../../daemon/kernel/sandboxes.js';
import { containerLinkName, portName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import { IpAddress } from '../../src/model/address.js';
import { reaches, startContainer, stopContainer } from '../support/containers.js';
import { fabric, reconcile, routers, sampleInput, sockets } from './fabric-bed.js';

// A container loses its link and has it back: as it was, and while it runs.

const tenant = 'blue';
const sandboxes = new KernelSandboxes(sockets);
const desired = planFabric(sampleInput);
const [endpoint] = sampleInput.endpoints;
if (!endpoint) throw new Error('the sample has no endpoint');
const { id, mac } = endpoint;
const [port, peer, sandboxKey] = [portName(id), containerLinkName(id), '/run/netns/c1'];
const addresses = [
  { address: IpAddress.parse('10.1.0.1'), length: 24 },
  { address: IpAddress.parse('fd00:1::1'), length: 64 },
];
const gateways = ['10.1.0.254', 'fd00:1::ff'].map((text) => IpAddress.parse(text));
const link = { mac, addresses, gateways };

const inside = async (...command: string[]): Promise<string> => (await execa('ip', ['-n', 'c1', ...command])).stdout;

async function start(t: Test): Promise<void> {
  await routers.ensure(tenant);
  await reconcile(tenant, desired);
  await startContainer('c1', peer, '10.1.0.1/24', '10.1.0.254');
  // Docker turns IPv6 off in containers but for links that have an address of it.
  await execa('ip', ['netns', 'exec', 'c1', 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1']);
  t.teardown(async () => {
    await stopContainer('c1');
    await routers.remove(tenant);
  });
}

async function lose(): Promise<void> {
  await fabric.apply(tenant, [{ action: 'deleteLink', name: port }]);
  await reconcile(tenant, desired);
}

t.test('what is found is how Docker left it', async (t) => {
  await start(t);
  t.same(await sandboxes.find(sandboxKey, mac), { name: 'eth0', gateways: [gateways[0]], mtu: 1500 });
  await fabric.apply(tenant, [{ action: 'deleteLink', name: port }]);
  t.equal(await sandboxes.find(sandboxKey, mac), undefined);
  await t.rejects(sandboxes.find('/run/netns/nobody', mac), { code: 'unavailable', message: /is gone$/ });
});

t.test('a link that was given back has its name, MAC address, addresses and default routes, and leads to the others', async (t) => {
  await start(t);
  await lose();
  t.same(await sandboxes.give(sandboxKey, peer, { ...link, name: 'eth3' }), { name: 'eth3', gateways, mtu: 1500 });
  t.match(await inside('-o', 'link', 'show', 'eth3'), new RegExp(`mtu 1500 .* state UP .*link/ether ${mac.toString()}`));
  t.match(await inside('-o', 'address', 'show', 'eth3', 'scope', 'global'), /inet 10\.1\.0\.1\/24 .*\n.*inet6 fd00:1::1\/64/);
  t.match(await inside('route'), /^default via 10\.1\.0\.254 dev eth3/m);
  t.match(await inside('-6', 'route'), /^default via fd00:1::ff dev eth3/m);
  for (const address of ['10.1.0.254', 'fd00:1::ff']) t.ok(await reaches('c1', address), address);
  t.same(await sandboxes.find(sandboxKey, mac), { name: 'eth3', gateways, mtu: 1500 });
});

t.test('a name that is taken is not taken away, nor a default route replaced', async (t) => {
  await start(t);
  await lose();
  await inside('link', 'add', 'eth0', 'type', 'bridge');
  await inside('link', 'set', 'eth0', 'up');
  await inside('route', 'add', 'default', 'dev', 'eth0');
  t.same(await sandboxes.give(sandboxKey, peer, { ...link, name: 'eth0' }), { name: 'eth1', gateways: [gateways[1]], mtu: 1500 });
  t.match(await inside('route'), /^default dev eth0/m);
});

t.test('what a crash in the middle left is finished', async (t) => {
  await start(t);
  await lose();
  await execa('ip', ['link', 'set', peer, 'netns', 'c1']);
  t.equal(await sandboxes.find(sandboxKey, mac), undefined, 'a link that has not its name yet is not there');
  t.match(await sandboxes.give(sandboxKey, peer, link), { name: 'eth0' });
  t.match(await inside('route'), /^default via 10\.1\.0\.254 dev eth0/m);
});

t.test('the remains of another pair do not stand in the way', async (t) => {
  await start(t);
  await execa('ip', ['-n', 'netctl-blue', 'link', 'set', port, 'name', 'stolen']);
  await reconcile(tenant, desired);
  t.match(await sandboxes.give(sandboxKey, peer, link), { name: 'eth0' });
  t.equal((await execa('ip', ['-n', 'netctl-blue', 'link', 'show', 'stolen'], { reject: false })).exitCode, 1);
});

t.test('what cannot be given back is told', async (t) => {
  await start(t);
  await fabric.apply(tenant, [{ action: 'deleteLink', name: port }]);
  await t.rejects(sandboxes.give(sandboxKey, peer, link), { message: /^cannot give its link back to the container with the network namespace \/run\/netns\/c1: the kernel refused it with ENODEV$/ });
});

t.test('another MTU is given to the link in the container', async (t) => {
  await start(t);
  await sandboxes.setMtu(sandboxKey, mac, 1450);
  t.match(await inside('-o', 'link', 'show', 'eth0'), / mtu 1450 /);
  t.match(await sandboxes.find(sandboxKey, mac), { mtu: 1450 });
  await fabric.apply(tenant, [{ action: 'deleteLink', name: port }]);
  await t.rejects(sandboxes.setMtu(sandboxKey, mac, 1400), { message: /^cannot set the MTU in the container with the network namespace \/run\/netns\/c1: the kernel refused it with ENODEV$/ });
});
