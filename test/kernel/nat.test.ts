import '../support/throw-away-host.js';
import t from 'tap';
import { planNat } from '../../src/nat/plan.js';
import { ServiceBed, tenant } from '../support/service-bed.js';
import { input, scenario } from '../unit/nat/scenario.js';

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
