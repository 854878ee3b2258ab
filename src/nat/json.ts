// Parts of elements as `nft -j` prints them.

/** One part, or those of a concatenation. What is neither has no parts, and its text, which is empty, belongs to no state. */
export function partsOf(value: unknown): (string | number)[] {
  const parts = field(value, 'concat') ?? [value];
  const isPart = (part: unknown): part is string | number => typeof part === 'string' || typeof part === 'number';
  return Array.isArray(parts) && parts.every(isPart) ? parts : [];
}

export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined;
}

/** An element that counts packets and octets: its key, and how many. Undefined of one that does not, or has anything besides. */
export function counted(item: unknown): { readonly key: unknown; readonly packets: number; readonly bytes: number } | undefined {
  const element = field(item, 'elem');
  const isCounted = typeof element === 'object' && element !== null && Object.keys(element).toSorted().join() === 'counter,val';
  if (!isCounted) return undefined;
  const counter = field(element, 'counter');
  return { key: field(element, 'val'), packets: Number(field(counter, 'packets')), bytes: Number(field(counter, 'bytes')) };
}
