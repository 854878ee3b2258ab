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
    const follow = mapped((item: Item) => (made.push(item.name), item.name));
    let before: readonly Item[] = [];
    for (const now of lists) {
      made.length = 0;
      const expected = now.filter((item, place) => before[place] !== item);
      t.strictSame(follow(now), now.map(({ name }) => name));
      t.strictSame(made, expected.map(({ name }) => name));
      t.equal(follow([...now]), follow(now), 'the same list for the same items');
      before = now;
    }
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

type Step = readonly [key: string, action: 'set' | 'delete' | 'give'];
const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('set', 'delete', 'give'));

t.test('a placed list holds what a map holds, one change moves one item, and what was given out stays as it was', (t) => {
  const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const placed = new PlacedList<Item>();
    const model = new Map<string, Item>();
    const given: [readonly Item[], readonly Item[]][] = [];
    for (const [key, action] of steps) {
      const item = { name: `${key}${given.length}` };
      const before = [...placed.list];
      if (action === 'give') given.push([placed.list, before]);
      else if (action === 'delete') for (const each of [placed, model]) each.delete(key);
      else for (const each of [placed, model]) each.set(key, item);
      t.strictSame(names(placed.list), names(model.values()));
      t.equal(placed.size, model.size);
      t.strictSame([...'abcd'].filter((each) => placed.has(each)), [...'abcd'].filter((each) => model.has(each)));
      t.ok(changedPlaces(before, placed.list).length <= 2, 'its own place, and that of the last');
    }
    for (const [list, content] of given) t.strictSame(list, content);
    const last = placed.list;
    t.equal(placed.list, last, 'the same list as long as nothing changes');
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});
