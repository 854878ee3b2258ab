import t from 'tap';
import { labHosts, type Daemon } from './support/lab.js';
import { goesOn, repeats, serviceIp, Spread } from './support/spread.js';

// All daemons of all hosts are restarted, one after the other, as with an upgrade. Nobody who uses a service sees anything of it.

const perSecond = 40;
const heldByEach = 20;
const providers = ['p1', 'p2', 'p3'];

const lab = await labHosts(t, 'rolling', { etcd: 3, env: { LAB_DOCKERD_OPTS: '--live-restore' } });
t.teardown(async () => {
  if (!t.passing()) t.comment(await lab.logs());
});
const spread = await Spread.over(t, lab);
const held = (await Promise.all([1, 2, 3].map((number) => Promise.all(Array.from({ length: heldByEach }, () => spread.client(number).hold(serviceIp, repeats)))))).flat();

for (const daemon of ['netctld', 'dockerd', 'etcd'] satisfies Daemon[]) {
  await t.test(`${daemon} of one host after the other`, async (t) => {
    const load = await spread.load([1, 2, 3], perSecond);
    const tookMs: number[] = [];
    for (const host of lab.hosts) {
      const begun = performance.now();
      await host.daemon('restart', daemon);
      await spread.untilAllServe();
      tookMs.push(Math.round(performance.now() - begun));
    }
    const attempts = await load();
    t.comment(`${attempts.flat().length} new connections, the slowest took ${Math.round(Math.max(...attempts.flat().map(({ ms }) => ms)))} ms; the restarts took ${tookMs.join(', ')} ms`);
    spread.noneFailed(t, attempts, providers, `${daemon} restarted everywhere`);
    await goesOn(t, held, `after ${daemon} was restarted everywhere`);
  });
}

await t.test('what is changed afterwards is known everywhere', async (t) => {
  await lab.host(2).netctl('service', 'drain', 'web', 'p3');
  await spread.untilBalanced(lab.hosts, ['p1', 'p2']);
  await lab.host(3).netctl('service', 'undrain', 'web', 'p3');
  t.ok((await spread.untilAllServe()) < 5000);
});
