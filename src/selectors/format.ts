import type { SelectorTerm } from '../model/service.js';

/** The canonical text of a term, which parses to the same term: equal texts mean equal terms. */
export function formatTerm(term: SelectorTerm): string {
  switch (term.operator) {
    case '=':
    case '!=':
      return `${term.key}${term.operator}${term.value}`;
    case 'in':
    case 'notin':
      return `${term.key} ${term.operator} (${formatValues(term.values)})`;
    case 'exists':
      return term.key;
    case 'absent':
      return `!${term.key}`;
  }
}

/** A container's labels as Contiv prints them, which is Go's way with maps: `map[k:v k2:v2]`, sorted by key. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  // Compose gives a container ten labels and more, and a list has thousands of containers: pairs of key and value, sorted by a function, took a tenth of its time.
  const keys = Object.keys(labels).sort();
  return `map[${keys.map((key) => `${key}:${labels[key] ?? ''}`).join(' ')}]`;
}

function formatValues(values: readonly string[]): string {
  const distinct = [...new Set(values)].sort();
  // Empty parentheses are refused as a slip of the pen; the empty value alone is written as twice nothing.
  return distinct.length === 1 && distinct[0] === '' ? ',' : distinct.join(',');
}
