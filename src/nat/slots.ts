import type { IpAddress } from '../model/address.js';

/**
 * Who sits in which slot: exactly one slot for each of the wanted addresses. Whoever had a slot keeps
 * it as far as that is possible without holes: newcomers take the places of those that left, more
 * newcomers are appended, and the last ones move into the holes that remain. One provider less thus
 * moves one other at most.
 * @param wanted distinct, in the order in which newcomers are seated.
 */
export function arrangeSlots(previous: readonly IpAddress[], wanted: readonly IpAddress[]): IpAddress[] {
  const waiting = new Map(wanted.map((address) => [address.value, address]));
  const kept = previous.map((address) => (waiting.delete(address.value) ? address : undefined));
  const newcomers = [...waiting.values()];
  const filled = kept.map((address) => address ?? newcomers.shift());
  return [...closeHoles(filled), ...newcomers];
}

function closeHoles(slots: readonly (IpAddress | undefined)[]): IpAddress[] {
  const rest = [...slots];
  const closed: IpAddress[] = [];
  for (let slot = 0; slot < rest.length; slot += 1) {
    const seated = rest[slot] ?? takeLast(rest, slot);
    if (seated) closed.push(seated);
  }
  return closed;
}

/** Removes and returns the last one seated behind `slot`, and the holes behind that one. */
function takeLast(slots: (IpAddress | undefined)[], slot: number): IpAddress | undefined {
  while (slots.length > slot + 1) {
    const last = slots.pop();
    if (last) return last;
  }
  return undefined;
}
