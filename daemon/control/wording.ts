/** "2 networks (a, b)"; long lists are cut. */
export function counted(names: readonly string[], noun: string): string {
  const shown = [...names].sort().slice(0, 5).join(', ');
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.length} ${noun}${names.length === 1 ? '' : 's'} (${shown}${more})`;
}
