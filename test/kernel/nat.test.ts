import '../support/throw-away-host.js';
import { execa } from 'execa';
import t from 'tap';
import { routerName } from '../../daemon/kernel/netns.js';
import { planNat } from '../../src/nat/plan.js';
import { ServiceBed, tenant } from '../support/service-bed.js';
import { deserted, input, scenario, web, type Step } from '../unit/nat/scenario.js';

const bed = new ServiceBed();
t.before(() => bed.start());
t.teardown(() => bed.stop());

for (const { name, steps } of scenario) {
  t.test(name, async (t) => {
    await bed.nftables.replace(tenant, planNat(input));
    for (const step of steps) {
      const { word, took } = await bed.ask(step);
      t.equal(word, step[4], step.slice(0, 4).join(' '));
      if (word === 'refused') t.ok(took < 100, `refused after ${took.toFixed(1)} ms`);
    }
  });
}

t.test('only what was not translated comes by the chain that refuses: what passes through a service is not looked up there', async (t) => {
  await bed.nftables.replace(tenant, planNat(input));
  const nft = async (...words: string[]): Promise<string> => (await execa('ip', ['netns', 'exec', routerName(tenant), 'nft', ...words])).stdout;
  await nft('insert', 'rule', 'ip', 'netctl', 'refuse', 'meta', 'l4proto', 'tcp', 'counter');
  const seen = async (): Promise<number> => Number(/packets (\d+)/.exec(await nft('list', 'chain', 'ip', 'netctl', 'refuse'))?.[1]);
  const connect = async (...[from, address]: [from: Step[0], address: string]): Promise<string> => (await bed.ask([from, 'tcp', address, 80, 'any'])).word;
  for (const from of ['a9', 'b9', 'a1'] as const) t.match(await connect(from, web), /^a[12] /, `${from} is answered`);
  t.equal(await seen(), 0);
  t.equal(await connect('a9', deserted), 'refused');
  t.equal(await seen(), 1);
});
