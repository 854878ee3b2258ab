import type { SelectorTerm } from '../model/service.js';

export type Labels = Readonly<Record<string, string>>;

/** Whether every term holds. Labels that no term names do not matter. */
export function matches(terms: readonly SelectorTerm[], labels: Labels): boolean {
  return terms.every((term) => holds(term, labels));
}

/** Whether the term holds. As in Kubernetes, `!=` and `notin` hold for a label that is missing. */
export function holds(term: SelectorTerm, labels: Labels): boolean {
  const value = labelOf(labels, term.key);
  switch (term.operator) {
    case '=':
      return value === term.value;
    case '!=':
      return value !== term.value;
    case 'in':
      return value !== undefined && term.values.includes(value);
    case 'notin':
      return value === undefined || !term.values.includes(value);
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
  }
}

/** A label's value; `constructor` and the like are no labels unless they were set. */
export function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
