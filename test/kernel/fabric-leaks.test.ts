import '../support/throw-away-host.js';
import { readdirSync, readlinkSync } from 'node:fs';
import t from 'tap';
import { planFabric } from '../../src/fabric/plan.js';
import { reconcile, routers, sampleInput, sockets } from './fabric-bed.js';

t.test('sockets and namespaces end with their router', async (t) => {
  const cycle = async (): Promise<void> => {
    await routers.ensure('red');
    await reconcile('red', planFabric({ ...sampleInput, endpoints: sampleInput.endpoints.slice(0, 1) }));
    await routers.remove('red');
  };
  await cycle();
  // There is one of the host's: it is opened when a peer of the last cycle, whose namespace the kernel is still removing, is in the way.
  sockets.ofHost();
  const before = openFiles();
  for (let count = 0; count < 100; count++) await cycle();
  t.same(openFiles(), before);
});

/** What the process has open, by kind: sockets have no other name than a number. */
function openFiles(): string[] {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return undefined; // The one that the list was read through.
    }
  });
  return targets.filter((target) => target !== undefined).map((target) => target.replace(/\d+/, 'N')).toSorted();
}
