import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { keys } from '../../../src/model/keys.js';
import { untilTrue } from '../../support/until-true.js';
import { Bed, networkRequest } from './bed.js';

// A router of which the store knows nothing, found at the start.

/** The host has a router of tenant blue and its uplink; of the tenant's networks the store knows nothing any more. */
async function forgotten(withContainer: boolean): Promise<Bed> {
  const bed = new Bed();
  await bed.start();
  await bed.control.createTenant({ name: 'blue' });
  await bed.control.createNetwork(networkRequest('blue', 'n', '10.1.1.0/24', '10.1.1.254'));
  if (withContainer) await bed.docker.run({ network: 'n/blue' });
  bed.crash();
  bed.dockerIsAway = true;
  const { entries } = await bed.store.list('');
  const left = new Set([keys.tenant('default'), keys.tenant('blue'), keys.uplink('h1', 'blue')]);
  const read = bed.fabric.read.bind(bed.fabric);
  // The kernel takes its time, in which other things happen.
  bed.fabric.read = async (tenant) => {
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    return read(tenant);
  };
  await bed.store.transact({ conditions: [], operations: entries.filter(({ key }) => !left.has(key)).map(({ key }) => ({ key, delete: true as const })) });
  return bed;
}

t.test('containers are attached to it: it is left alone', async (t) => {
  const bed = await forgotten(true);
  await bed.start();
  t.teardown(() => bed.stop());
  await bed.control.createTenant({ name: 'other' });
  t.strictSame(await bed.routers.list(), ['blue']);
  t.match(bed.errors.join('\n'), /^containers are attached to a router that the state does not know/m);
  t.ok(await bed.store.get(keys.uplink('h1', 'blue')), 'with its uplink');
});

t.test('nobody is in it: it goes, with its uplink', async (t) => {
  const bed = await forgotten(false);
  await bed.start();
  t.teardown(() => bed.stop());
  await untilTrue(() => bed.routers.identities().length === 0);
  while (await bed.store.get(keys.uplink('h1', 'blue'))) await setImmediate();
  t.strictSame(bed.errors, []);
});
