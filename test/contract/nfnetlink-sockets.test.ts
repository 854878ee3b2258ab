import '../support/throw-away-host.js';
import { readdirSync, readlinkSync } from 'node:fs';
import { execa } from 'execa';
import t from 'tap';
import { identityOf, routerName, routerPath } from '../../daemon/kernel/netns.js';
import { NfnetlinkSockets } from '../../daemon/kernel/nfnetlink-sockets.js';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { diffNat } from '../../src/nat/diff.js';
import { planNat } from '../../src/nat/plan.js';
import { network, service } from '../unit/nat/arbitraries.js';

const [sockets, ruleSockets] = [new RtnetlinkSockets(), new NfnetlinkSockets()];
const routers = new KernelRouters(sockets, ruleSockets);
const nftables = new KernelNftables(routerPath, Infinity, ruleSockets);
t.teardown(() => sockets.close());

const input = (provider: string) => ({ networks: [network('br1', ['10.1.0.0/24', '10.1.0.254'])], services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.1', provider])] });
const one = planNat(input('10.1.0.2'));
const other = planNat(input('10.1.0.3'), one);

const NETLINK_NETFILTER = '12';

/** The inodes of the netfilter sockets in the router, of which programs that have ended have none. */
async function inRouter(): Promise<string[]> {
  const { stdout } = await execa('ip', ['netns', 'exec', routerName('blue'), 'cat', '/proc/net/netlink']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/ +/));
  // The first one is the kernel's own.
  return rows.flatMap(([, protocol, port, , , , , , , inode]) => (protocol === NETLINK_NETFILTER && port !== '0' && inode !== undefined ? [inode] : []));
}

/** Those of all sockets of this process. */
function own(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
    } catch {
      // The directory that is being read is among them, and closed by now.
      return [];
    }
  });
}

t.test('however many changes there are, no socket is closed, as that waits for what was deleted to be freed', async (t) => {
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  await nftables.replace('blue', one);
  await nftables.generation('blue');
  const before = await inRouter();
  t.equal(before.length, 1);
  for (let round = 0; round < 3; round += 1) {
    await nftables.apply('blue', diffNat(other, one));
    await nftables.generation('blue');
    await nftables.apply('blue', diffNat(one, other));
    await nftables.generation('blue');
  }
  t.same(await inRouter(), before);
});

t.test('who changes and who asks meanwhile are not told what is for the other', async (t) => {
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  await nftables.replace('blue', one);
  await nftables.apply('blue', diffNat(other, one));
  const generation = await nftables.generation('blue');
  for (let round = 0; round < 20; round += 1) {
    const refused = t.rejects(nftables.apply('blue', diffNat(other, one)), { message: /delete the element .* ENOENT$/ });
    t.equal(await nftables.generation('blue'), generation);
    await refused;
  }
  await nftables.apply('blue', diffNat(one, other));
  t.equal(await nftables.generation('blue'), generation + 1, 'and goes on');
});

t.test('a router that is removed is let go of', async (t) => {
  await routers.ensure('blue');
  await nftables.replace('blue', one);
  await nftables.generation('blue');
  const held = await inRouter();
  t.ok(held.every((inode) => own().includes(inode)));
  await routers.remove('blue');
  t.notOk(held.some((inode) => own().includes(inode)));
  await t.rejects(nftables.generation('blue'), { code: 'unavailable' });
});

t.test('so is one that was made again behind our back', async (t) => {
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  await nftables.replace('blue', one);
  await nftables.generation('blue');
  const [held, identity] = [await inRouter(), identityOf(routerPath('blue'))];
  await execa('ip', ['netns', 'delete', routerName('blue')]);
  await execa('ip', ['netns', 'add', routerName('blue')]);
  t.not(identityOf(routerPath('blue')), identity);
  await nftables.replace('blue', one);
  t.equal(typeof (await nftables.generation('blue')), 'number');
  t.notOk(held.some((inode) => own().includes(inode)));
  t.equal((await inRouter()).length, 1);
});
