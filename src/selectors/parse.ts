import { invalid } from '../model/errors.js';
import type { SelectorTerm } from '../model/service.js';
import { formatTerm } from './format.js';

/** Docker takes any text as a label's key; these are the characters of those that people use. */
const keyPattern = '[A-Za-z0-9._/-]+';
/** Contiv refuses a second "="; it would be mistaken for an operator. A line break in a value is never meant. */
const comparison = new RegExp(`^(${keyPattern})\\s*(==|=|!=)\\s*([^=\\p{Cc}]*)$`, 'u');
const membership = new RegExp(`^(${keyPattern})\\s+(in|notin)\\s*\\(([^()\\p{Cc}]+)\\)$`, 'u');
const presence = new RegExp(`^(!?)\\s*(${keyPattern})$`);

/**
 * Reads one selector term: `key=value` (or `key==value`, as kubectl has it), `key!=value`,
 * `key in (a,b)`, `key notin (a,b)`, `key`, `!key`. Spaces around operators and values do not count.
 * An empty value is a value. The values of a set are sorted, each once. A value with "=" in it can
 * only be written in a set.
 * @throws NetctlError `invalid`.
 */
export function parseTerm(text: string): SelectorTerm {
  const term = tryParseTerm(text);
  if (term) return term;
  throw invalid(`invalid selector "${text}": write it as key=value, key!=value, key in (a,b), key notin (a,b), key or !key`);
}

/** The same, and undefined if it is no term. */
export function tryParseTerm(text: string): SelectorTerm | undefined {
  const trimmed = text.trim();
  return parseComparison(trimmed) ?? parseMembership(trimmed) ?? parsePresence(trimmed);
}

/**
 * Reads a service's selectors; a term that is given twice is kept once. Terms that contradict each
 * other are no error: they select nothing.
 * @throws NetctlError `invalid`, also if there is no term: that would select every container.
 */
export function parseSelectors(texts: readonly string[]): SelectorTerm[] {
  if (texts.length === 0) throw invalid('invalid selector options: give at least one selector, for example tier=web');
  const terms = texts.map(parseTerm);
  return [...new Map(terms.map((term) => [formatTerm(term), term])).values()];
}

function parseComparison(text: string): SelectorTerm | undefined {
  const [, key, operator, value] = comparison.exec(text) ?? [];
  if (key === undefined || value === undefined) return undefined;
  return { key, operator: operator === '!=' ? '!=' : '=', value };
}

function parseMembership(text: string): SelectorTerm | undefined {
  const [, key, operator, list] = membership.exec(text) ?? [];
  if (key === undefined || list === undefined) return undefined;
  const values = [...new Set(list.split(',').map((value) => value.trim()))].sort();
  return { key, operator: operator === 'in' ? 'in' : 'notin', values };
}

function parsePresence(text: string): SelectorTerm | undefined {
  const [, not, key] = presence.exec(text) ?? [];
  return key === undefined ? undefined : { key, operator: not === '!' ? 'absent' : 'exists' };
}
