import type { Entry, Operation } from '../../daemon/store/port.js';

// A history that is known in advance: what each revision writes, and so what a store must hold at each.

const keyCount = 5;

/** Three keys at once, one of them deleted each third time: half of a transaction shows. */
export function operationsAt(revision: number): Operation[] {
  const number = revision % keyCount;
  const value = { revision, text: 'x'.repeat((revision * 37) % 70) };
  return [
    { key: `one/${number}`, put: value },
    { key: `other/${number}`, put: value },
    revision % 3 === 0 ? { key: `third/${number}`, delete: true } : { key: `third/${number}`, put: value },
  ];
}

/** All entries at a revision, in the order of keys. Older revisions of a key do not matter, so only the last ones are looked at. */
export function entriesAt(revision: number): Entry[] {
  const entries = new Map<string, Entry>();
  for (let past = Math.max(1, revision - keyCount + 1); past <= revision; past++) {
    for (const operation of operationsAt(past)) {
      if ('put' in operation) entries.set(operation.key, { key: operation.key, value: operation.put, revision: past });
    }
  }
  return [...entries.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
}
