import type { Family } from '../model/address.js';
import { addressIn, ascending, ofFamily } from './addresses.js';
import { fnv1a, spread } from './hash.js';
import type { NatService } from './input.js';
import { legKey } from './keys.js';
import type { Leg } from './state.js';

/**
 * The legs of these services: each port with each of its providers, also with those that drain, so that what their connections
 * still carry is counted. A leg keeps its mark. A new one has a mark that is made of its key, so that it is the same again after the
 * tables were lost and connections still have it.
 * @param used the marks of the legs of other services; those of these are added to it.
 */
export function planLegs(family: Family, services: readonly NatService[], previous: ReadonlyMap<string, Leg>, used = new Set<number>()): Map<string, Leg> {
  const legs = new Map<string, Leg>();
  const added = new Map<string, Omit<Leg, 'mark'>>();
  for (const service of services) {
    for (const leg of legsOf(family, service)) {
      const key = legKey(leg);
      const kept = previous.get(key);
      if (kept) legs.set(key, kept);
      else added.set(key, leg);
    }
  }
  for (const { mark } of legs.values()) used.add(mark);
  for (const [key, mark] of newMarks(added.keys(), used)) {
    const leg = added.get(key);
    if (leg) legs.set(key, { address: leg.address, protocol: leg.protocol, port: leg.port, provider: leg.provider, mark });
  }
  return legs;
}

/**
 * By key, the mark that is made of it, if nobody else has or would have that one. The others are given theirs in the order of their keys, so that who
 * gets which does not depend on the order of the input. Among a hundred thousand there may be two of them, and to sort all would take longer than all else.
 */
function newMarks(keys: Iterable<string>, used: Set<number>): Map<string, number> {
  const marks = new Map<string, number>();
  const owners = new Map<number, string>();
  const rivals = new Set<string>();
  for (const key of keys) {
    const mark = spread(fnv1a(key));
    const owner = owners.get(mark);
    if (owner !== undefined) rivals.add(owner).add(key);
    else if (mark === 0 || used.has(mark)) rivals.add(key);
    else owners.set(mark, key);
  }
  for (const [mark, key] of owners) {
    if (rivals.has(key)) continue;
    marks.set(key, mark);
    used.add(mark);
  }
  for (const key of [...rivals].sort()) marks.set(key, unusedMark(key, used));
  return marks;
}

/** Without their marks. A provider that is listed twice has them once. */
export function legsOf(family: Family, { addresses, ports, providers, draining = [] }: NatService): Omit<Leg, 'mark'>[] {
  const answering = ascending([...providers, ...draining].flatMap((provider) => addressIn(family, provider.addresses)));
  return ofFamily(family, addresses).flatMap((address) =>
    ports.flatMap(({ protocol, port }) => answering.map((provider) => ({ address, protocol, port, provider }))),
  );
}

/** 0 is the mark of what is not counted. */
function unusedMark(key: string, used: Set<number>): number {
  let mark = spread(fnv1a(key));
  while (mark === 0 || used.has(mark)) mark = (mark + 1) >>> 0;
  used.add(mark);
  return mark;
}
