import t from 'tap';
import { faultPoints, openFaults } from '../../../daemon/faults.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import type { Fabric } from '../../../daemon/kernel/port.js';
import type { FabricStep } from '../../../src/fabric/state.js';

const died = { message: 'died' };
const die = (): never => {
  throw new Error(died.message);
};
const write = { conditions: [], operations: [{ key: 'a', put: 1 }] };

t.test('before and after, at the passage that is named', async (t) => {
  for (const [fault, written] of [['store.transact.before', 0], ['store.transact.after', 1], ['store.transact.before:3', 2], ['store.transact.after:3', 3]] as const) {
    const plain = new MemoryStore();
    const store = openFaults(fault, die).around('store', plain);
    const work = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await store.transact(write);
    };
    await t.rejects(work(), died, fault);
    t.equal((await plain.list('')).revision, written, fault);
    t.equal((await store.list('')).revision, written, 'reading passes no point');
  }
});

t.test('at the first of several, and it is told which', async (t) => {
  const points: string[] = [];
  const dieAt = (point: string): never => {
    points.push(point);
    return die();
  };
  const faults = openFaults('nftables.apply.before,store.transact.after:2,store.transact.before:3', dieAt);
  const store = faults.around('store', new MemoryStore());
  await store.transact(write);
  await t.rejects(store.transact(write), died);
  t.same(points, ['store.transact.after']);
});

t.test('between the steps of one call', async (t) => {
  const applied: FabricStep[][] = [];
  const fabric: Pick<Fabric, 'apply'> = { apply: async (_, steps) => void applied.push([...steps]) };
  const faulty = openFaults('fabric.apply.after:2', die).around('fabric', fabric as Fabric);
  const steps = ['one', 'two', 'three'].map((name) => ({ action: 'removeLink', name }) as unknown as FabricStep);
  await t.rejects(faulty.apply('default', steps), died);
  t.same(applied, [[steps[0]], [steps[1]]]);
});

t.test('only points that there are', (t) => {
  t.ok(faultPoints().includes('conntrack.remove.before'));
  t.equal(new Set(faultPoints()).size, faultPoints().length);
  for (const text of ['store.transact', 'store.get.before', 'store.transact.before:0', 'nothing', ':2', 'store.transact.before,', 'store.transact.before,nothing']) {
    t.throws(() => openFaults(text, die), { code: 'invalid', message: `NETCTLD_FAULT is "${text}"` }, text);
  }
  t.end();
});
