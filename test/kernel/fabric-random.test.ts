import '../support/throw-away-host.js';
import { isDeepStrictEqual } from 'node:util';
import { execa } from 'execa';
import fc from 'fast-check';
import t from 'tap';
import { routerName } from '../../daemon/kernel/netns.js';
import { planFabric } from '../../src/fabric/plan.js';
import { comparable, disturbances, fabricInput } from '../unit/fabric/arbitraries.js';
import { fabric, reconcile, routers } from './fabric-bed.js';

t.test('the kernel holds the plan after any disturbance, and what is not ours is left alone', async (t) => {
  const disturbed = fabricInput.chain((input) => fc.tuple(fc.constant(planFabric(input)), disturbances(planFabric(input)), fabricInput.map(planFabric)));
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  await addForeign();
  const foreign = await foreignItems();
  const property = fc.asyncProperty(disturbed, async ([first, steps, second]) => {
    await reconcile('blue', first);
    for (const step of steps) await fabric.apply('blue', [step]).catch(() => undefined);
    await reconcile('blue', second);
    return isDeepStrictEqual(comparable(await fabric.read('blue')), comparable(second));
  });
  await t.resolves(fc.assert(property, { numRuns: 25 }));
  t.equal(await foreignItems(), foreign, 'what people added is still there');
});

/** What netctl never makes: a bridge of another name with an address, a route and a neighbour on it. */
async function addForeign(): Promise<void> {
  const commands = ['link add people up type bridge', 'address add 10.99.0.1/24 dev people', 'route add 10.98.0.0/24 dev people', 'neighbour add 10.99.0.2 lladdr 02:00:00:00:00:02 dev people'];
  for (const command of commands) await execa('ip', ['-n', routerName('blue'), ...command.split(' ')]);
}

async function foreignItems(): Promise<string> {
  const shows = ['address', 'route', 'neighbour'].map((what) => execa('ip', ['-n', routerName('blue'), what, 'show', 'dev', 'people']));
  return (await Promise.all(shows)).map(({ stdout }) => stdout).join('\n');
}
