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
  const added: (readonly [string, Omit<Leg, 'mark'>])[] = [];
  for (const service of services) {
    for (const leg of legsOf(family, service)) {
      const key = legKey(leg);
      const kept = previous.get(key);
      if (kept) legs.set(key, kept);
      else added.push([key, leg]);
    }
  }
  for (const { mark } of legs.values()) used.add(mark);
  // In their own order: which of two gets a mark that both would have must not depend on that of the input.
  for (const [key, leg] of added.toSorted(([a], [b]) => (a < b ? -1 : 1))) if (!legs.has(key)) legs.set(key, { ...leg, mark: unusedMark(key, used) });
  return legs;
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
