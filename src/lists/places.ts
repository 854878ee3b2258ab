// A list of objects in which what stays keeps its place. To find what is exchanged between two of them takes looking at pointers, a
// few nanoseconds for each: so what follows from the items of a long list is made anew only where they are others.

/** The places at which the lists have other objects, or only one of them has any, as ascending indexes. */
export function changedPlaces(before: readonly object[], now: readonly object[]): number[] {
  const places: number[] = [];
  if (before === now) return places;
  const common = Math.min(before.length, now.length);
  for (let place = 0; place < common; place++) if (before[place] !== now[place]) places.push(place);
  for (let place = common; place < Math.max(before.length, now.length); place++) places.push(place);
  return places;
}

/** The objects that only the first list has, and those that only the second one has, wherever. Each is in a list once. */
export function exchanged<T extends object>(before: readonly T[], now: readonly T[]): { gone: T[]; come: T[] } {
  const places = changedPlaces(before, now);
  const at = (list: readonly T[]): Set<T> => new Set(places.flatMap((place) => list[place] ?? []));
  const [left, taken] = [at(before), at(now)];
  return { gone: [...left].filter((item) => !taken.has(item)), come: [...taken].filter((item) => !left.has(item)) };
}

/** The list with these items at their places, and with so many of them all in all: the same one if it has just them. */
export function replaced<T>(list: readonly T[], items: readonly (readonly [place: number, item: T])[], length: number): readonly T[] {
  const others = items.filter(([place, item]) => list[place] !== item);
  if (others.length === 0 && list.length === length) return list;
  const copy = list.slice(0, length);
  for (const [place, item] of others) copy[place] = item;
  return copy;
}

/** `list.map(make)` of one list after the other. What is at the place where it was is not made again; what `make` says of an item must not change. */
export function mapped<A extends object, B>(make: (item: A) => B): (list: readonly A[]) => readonly B[] {
  let [from, made]: [readonly A[], readonly B[]] = [[], []];
  return (list) => {
    const places = changedPlaces(from, list);
    made = replaced(made, places.flatMap((place): [number, B][] => itemAt(list, place).map((item) => [place, make(item)])), list.length);
    from = list;
    return made;
  };
}

function itemAt<T extends object>(list: readonly T[], place: number): T[] {
  const item = list[place];
  return item === undefined ? [] : [item];
}
