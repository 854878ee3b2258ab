import type { SelectorTerm } from '../model/service.js';
import { holds, labelOf, type Labels } from './match.js';

/** Why the labels are not selected, by the first term that does not hold; undefined if all hold. */
export function explain(terms: readonly SelectorTerm[], labels: Labels): string | undefined {
  const failing = terms.find((term) => !holds(term, labels));
  return failing && reasonOf(failing, labelOf(labels, failing.key));
}

/** For a term that does not hold. */
function reasonOf(term: SelectorTerm, value: string | undefined): string {
  if (value === undefined) return `label ${term.key} is missing`;
  const found = `label ${term.key} is "${value}"`;
  switch (term.operator) {
    case '=':
      return `${found}, not "${term.value}"`;
    case 'in':
      return `${found}, not one of ${term.values.map((wanted) => `"${wanted}"`).join(', ')}`;
    case '!=':
    case 'notin':
      return `${found}, which the selector excludes`;
    case 'absent':
      return `${found}, but the selector wants no such label`;
    case 'exists':
      throw new Error(`label ${term.key} exists, and the term that asks for it does not hold`);
  }
}
