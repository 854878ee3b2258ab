import { invalid } from '../model/errors.js';
import type { SelectorTerm, Weight } from '../model/service.js';
import { formatTerm } from './format.js';
import { holds, type Labels } from './match.js';
import { tryParseTerm } from './parse.js';

/**
 * Reads one weight, `SELECTOR:PERCENT`, for example `version=2:10` or `version in (2,3):25`. The last colon
 * is the one that counts: a label's value may hold others.
 * @throws NetctlError `invalid`.
 */
export function parseWeight(text: string): Weight {
  const colon = text.lastIndexOf(':');
  if (colon === -1) throw badWeight(text, 'write it as SELECTOR:PERCENT, for example version=2:10');
  const term = tryParseTerm(text.slice(0, colon));
  if (!term) throw badWeight(text, `"${text.slice(0, colon)}" is no selector term such as version=2 or "version in (2,3)"`);
  const digits = text.slice(colon + 1).trim();
  const percent = /^(0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) : NaN;
  if (!(percent <= 100)) throw badWeight(text, `"${digits}" is not a whole number of percent in 0..100`);
  return { term, percent };
}

/**
 * Reads all weights of a service, in the order in which they count.
 * @throws NetctlError `invalid`, also if two have one term or all have more than 100 percent together.
 */
export function parseWeights(texts: readonly string[]): Weight[] {
  const weights = texts.map(parseWeight);
  const seen = new Set<string>();
  for (const { term } of weights) {
    const text = formatTerm(term);
    if (seen.has(text)) throw invalid(`the selector term "${text}" has two weights: give it one`);
    seen.add(text);
  }
  const sum = weights.reduce((total, { percent }) => total + percent, 0);
  if (sum > 100) throw invalid(`the weights of a service are shares of 100 percent, and these are ${sum} together: lower them`);
  return weights;
}

/** The text that {@link parseWeight} reads. */
export function formatWeight({ term, percent }: Weight): string {
  return `${formatTerm(term)}:${percent}`;
}

/** The index of the first weight whose term the labels satisfy; undefined: they share what the weights leave. */
export function weightOf(weights: readonly { readonly term: SelectorTerm }[], labels: Labels): number | undefined {
  const index = weights.findIndex(({ term }) => holds(term, labels));
  return index === -1 ? undefined : index;
}

function badWeight(text: string, why: string): Error {
  return invalid(`invalid weight "${text}": ${why}`);
}
