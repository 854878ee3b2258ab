const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A number of bytes for people, as `docker stats` has it: powers of 1000, three digits. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  let [value, unit] = [count, 0];
  // What would be shown as 1000 of a unit is 1 of the next.
  for (; value >= 999.5 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${Number(value.toPrecision(3))} ${units[unit] ?? ''}`;
}
