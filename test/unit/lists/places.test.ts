import fc from 'fast-check';
import t from 'tap';
import { PlacedList } from '../../../src/lists/placed-list.js';
import { changedPlaces, exchanged, mapped, replaced } from '../../../src/lists/places.js';

interface Item {
  readonly name: string;
}
const items: readonly Item[] = Array.from({ length: 8 }, (_, index) => ({ name: `i${index}` }));
const list = fc.shuffledSubarray([...items]);
const names = (some: Iterable<Item>): string[] => [...some].map(({ name }) => name).toSorted();

t.test('what is exchanged between two lists is what only one of them has', (t) => {
  const property = fc.property(list, list, (before, now) => {
    const { gone, come } = exchanged(before, now);
    t.strictSame(names(gone), names(before.filter((item) => !now.includes(item))));
    t.strictSame(names(come), names(now.filter((item) => !before.includes(item))));
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('a list whose changed places are replaced is the other list, and the same one if there are none', (t) => {
  const property = fc.property(list, list, (before, now) => {
    const found = replaced(before, changedPlaces(before, now).flatMap((place): [number, Item][] => now.slice(place, place + 1).map((item) => [place, item])), now.length);
    t.strictSame(found, now);
    const same = before.length === now.length && before.every((item, place) => item === now[place]);
    t.equal(found === before, same);
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('what is mapped is made once, as long as it keeps its place', (t) => {
  const property = fc.property(fc.array(list), (lists) => {
    const made: string[] = [];
    const follow = mapped((item: Item): Item => (made.push(item.name), { name: `of ${item.name}` }));
    let before: readonly Item[] = [];
    for (const now of lists) {
      made.length = 0;
      const expected = now.filter((item, place) => before[place] !== item);
      t.strictSame(follow(now), now.map(({ name }) => ({ name: `of ${name}` })));
      t.strictSame(made, expected.map(({ name }) => name));
      t.equal(follow([...now]), follow(now), 'the same list for the same items');
      before = now;
    }
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('where a list changed it knows from where it comes from, and otherwise it is found', (t) => {
  const property = fc.property(fc.array(list, { minLength: 2 }), (lists) => {
    const made = [lists[0] ?? []];
    for (const next of lists.slice(1)) {
      const [last = []] = made.slice(-1);
      made.push(replaced(last, next.map((item, place): [number, Item] => [place, item]), next.length) as Item[]);
    }
    for (const before of made) for (const now of made) t.strictSame(changedPlaces(before, now), differing(before, now));
  });
  t.doesNotThrow(() => fc.assert(property));
  let reads = 0;
  const watched = new Proxy([...items], { get: (target, name, receiver) => ((reads += 1), Reflect.get(target, name, receiver) as unknown) });
  const after = replaced(watched, [[3, { name: 'other' }]], items.length);
  reads = 0;
  t.same(changedPlaces(watched, after), [3]);
  t.equal(reads, 0, 'nobody looked');
  t.same(changedPlaces(watched, [...after]), [3]);
  t.ok(reads > 0, 'but at one that knows nothing');
  t.end();
});

/** As it is said in words. */
function differing(before: readonly Item[], now: readonly Item[]): number[] {
  return Array.from({ length: Math.max(before.length, now.length) }, (_, place) => place).filter((place) => before[place] !== now[place]);
}

type Step = readonly [key: string, action: 'set' | 'delete' | 'give'];
const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('set', 'set', 'delete', 'give'));

t.test('a placed list holds what a map holds, one change moves one item, and what was given out stays as it was', (t) => {
  const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const placed = new PlacedList<Item>();
    const model = new Map<string, Item>();
    const given: { list: readonly Item[]; content: readonly Item[] }[] = [];
    let changes = 0;
    for (const [index, [key, action]] of steps.entries()) {
      if (action === 'delete') for (const each of [placed, model]) each.delete(key);
      const item = { name: `${key}${index}` };
      if (action === 'set') for (const each of [placed, model]) each.set(key, item);
      changes += 1;
      t.equal(placed.size, model.size);
      t.strictSame([...'abcd'].filter((each) => placed.has(each)), [...'abcd'].filter((each) => model.has(each)));
      if (action !== 'give') continue;
      const { list } = placed;
      t.strictSame(names(list), names(model.values()));
      t.equal(placed.list, list, 'the same list as long as nothing changes');
      const [before = list] = given.map((each) => each.list).slice(-1);
      t.strictSame(changedPlaces(before, list), differing(before, list));
      t.ok(differing(before, list).length <= 2 * changes, 'its own place, and that of the last');
      given.push({ list, content: [...list] });
      changes = 0;
    }
    for (const { list, content } of given) t.strictSame(list, content);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
  t.end();
});
