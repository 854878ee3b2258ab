import '../support/throw-away-host.js';
import { readdirSync } from 'node:fs';
import { execa } from 'execa';
import t from 'tap';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { routerName } from '../../daemon/kernel/netns.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { planNat } from '../../src/nat/plan.js';
import { renderChange } from '../../src/nat/render.js';
import { diffNat } from '../../src/nat/diff.js';
import { emptyNat } from '../../src/nat/state.js';
import { network, service } from '../unit/nat/arbitraries.js';
import { nftablesContract } from './nftables.js';

const sockets = new RtnetlinkSockets();
const routers = new KernelRouters(sockets);
const nftables = new KernelNftables();
t.teardown(() => sockets.close());

const nft = (command: string) => execa('ip', ['netns', 'exec', routerName('blue'), 'nft', command]);

const state = planNat({
  networks: [network('br1', ['10.1.0.0/24', '10.1.0.254'])],
  services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.1', '10.1.0.2'])],
});

t.test('KernelNftables', async (t) => {
  await nftablesContract(t, routers, nftables, 40);

  for (const foreign of [
    'delete table ip6 netctl',
    'delete element ip netctl slots { 10.1.0.100 . tcp . 80 . 1 }',
    'add element ip netctl slots { 10.1.0.100 . tcp . 80 . 2 : 10.1.0.3 . 8080 }',
    'delete element ip netctl services { 10.1.0.100 . tcp . 80 }',
    'add element ip netctl traffic { 5 . reply }',
    'flush set ip netctl traffic',
    'delete element ip netctl legs { 10.1.0.100 . tcp . 80 . 10.1.0.1 }',
    'add element ip netctl segments { br1 . br2 }',
    'add rule ip netctl forward accept',
    'insert rule ip netctl balance_2_0 drop',
    'flush chain ip netctl balance_2_0',
    'flush chain ip netctl forward',
    'add chain ip netctl forward { policy accept; }',
    'add chain ip netctl other',
    'add chain ip netctl other { type filter hook input priority 0; }',
    'add set ip netctl other { type ipv4_addr; }',
    'add counter ip netctl other',
  ]) {
    await t.test(`seen: ${foreign}`, async (t) => {
      await routers.ensure('blue');
      t.teardown(() => routers.remove('blue'));
      await nftables.replace('blue', state);
      await nft(foreign);
      t.equal(await nftables.read('blue'), 'foreign');
      await nftables.replace('blue', state);
      t.type(await nftables.read('blue'), 'object', 'made good by replacing');
    });
  }

  await t.test('what belongs to others is left alone', async (t) => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
    await nft('add table ip other');
    await nftables.replace('blue', state);
    t.match((await nft('list tables')).stdout, /table ip other/);
  });

  await t.test('the generation tells of what others do', async (t) => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
    await nftables.replace('blue', state);
    for (const foreign of ['add table ip other', 'delete element ip netctl slots { 10.1.0.100 . tcp . 80 . 1 }', 'flush ruleset']) {
      const before = await nftables.generation('blue');
      await nft(foreign);
      t.not(await nftables.generation('blue'), before, foreign);
    }
  });

  await t.test('nft is quoted in its own words, and no file of commands remains', async (t) => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
    const own = t.testdir();
    process.env['TMPDIR'] = own;
    t.teardown(() => delete process.env['TMPDIR']);
    await nftables.replace('blue', state);
    await t.rejects(nftables.apply('blue', diffNat(state, emptyNat)), {
      code: 'internal',
      message: 'nft could not change the tables in the router of tenant blue: Could not process rule: File exists',
    });
    t.same(readdirSync(own), []);
  });

  await t.test('elements are changed without nft, and what the kernel refuses is named', async (t) => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
    const path = process.env['PATH'];
    t.teardown(() => (process.env['PATH'] = path));
    const other = planNat({ networks: [network('br1', ['10.1.0.0/24', '10.1.0.254'])], services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.1', '10.1.0.3'])] }, state);
    await nftables.replace('blue', state);
    process.env['PATH'] = '/nonexistent';
    await nftables.apply('blue', diffNat(other, state));
    await t.rejects(nftables.apply('blue', diffNat(other, state)), {
      code: 'internal',
      message: 'the kernel would not delete the element 10.1.0.100 . tcp . 80 . 10.1.0.2 of the set ip legs in the router of tenant blue: ENOENT',
    });
    process.env['PATH'] = path;
    const read = await nftables.read('blue');
    if (typeof read === 'string') throw new Error(`the tables are ${read}`);
    t.equal(renderChange('ip', diffNat(read, other).ip), '');
  });

  await t.test('without nft it is said what to install, and tables are read all the same', async (t) => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
    const path = process.env['PATH'];
    t.teardown(() => (process.env['PATH'] = path));
    await nftables.replace('blue', state);
    process.env['PATH'] = '/usr/bin';
    await t.rejects(nftables.replace('blue', state), { code: 'unavailable', message: /nft is not installed/ });
    t.type(await nftables.read('blue'), 'object');
    t.equal((await nftables.traffic('blue')).length, 2);
  });

  await t.test('five thousand services are loaded and read back', async (t) => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
    const host = (index: number): string => `${index >> 8}.${index & 255}`;
    const services = Array.from({ length: 5_000 }, (_, index) => service(`10.1.${host(index)}`, ['80:80/tcp'], [`10.2.${host(index)}`, `10.3.${host(index)}`]));
    const many = planNat({ networks: [network('br1', ['10.0.0.0/8', '10.255.255.254'])], services });
    await nftables.replace('blue', many);
    const read = await nftables.read('blue');
    if (typeof read === 'string') throw new Error(`the tables are ${read}`);
    t.equal(renderChange('ip', diffNat(read, many).ip), '');
    t.equal(renderChange('ip', diffNat(many, read).ip), '');
  });
});
