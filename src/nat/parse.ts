import { parseChainName } from './keys.js';
import type { ListedChain, Listing } from './listing.js';
import { balanceRules, baseChains, elementSets, versionChain } from './rules.js';
import type { NatFamily } from './state.js';

/**
 * The names of the balancing chains in a table. Undefined if it does not have the rules of this version of netctl, all
 * of them and in their order: then only making it anew helps. Rules are known by their comments; that somebody changed a
 * rule and left its comment is not seen.
 */
export function balanceChainsIn(family: NatFamily, listing: Listing): string[] | undefined {
  const { chains, others } = listing;
  const balanceChains = chains.map(({ name }) => name).filter((name) => parseChainName(name) !== undefined);
  const isOurs = others.length === 0 && same(setShapes(listing), expectedSets(family)) && same(chainShapes(listing), expectedChains(family, balanceChains));
  return isOurs ? balanceChains : undefined;
}

/** One line for each thing, so that what is found and what is expected compare as texts. */
function setShapes({ sets }: Listing): string[] {
  return sets.map(({ kind, name, type, expressions }) => [kind, name, type, ...expressions].join(' '));
}

function expectedSets(family: NatFamily): string[] {
  return elementSets(family).map(({ kind, name, type, counter }) => `${kind} ${name} ${type}${counter ? ' counter' : ''}`);
}

function chainShapes({ chains, rules }: Listing): string[] {
  const comments = new Map(chains.map(({ name }): [string, string[]] => [name, []]));
  for (const { chain, comment } of rules) comments.get(chain)?.push(comment);
  return chains.map(({ name, base }) => chainShape(name, base, comments.get(name) ?? []));
}

function expectedChains(family: NatFamily, balanceChains: readonly string[]): string[] {
  const comments = (name: string): string[] => balanceRules(family, parseChainName(name) ?? { algorithm: 'roundrobin', slots: 1 }).map(({ comment }) => comment);
  return [
    chainShape(versionChain(family), undefined, []),
    ...baseChains(family).map(({ name, rules, ...base }) => chainShape(name, base, rules.map(({ comment }) => comment))),
    ...balanceChains.map((name) => chainShape(name, undefined, comments(name))),
  ];
}

function chainShape(name: string, base: ListedChain['base'], comments: readonly string[]): string {
  return JSON.stringify([name, base?.type, base?.hook, base?.priority, base?.policy, comments]);
}

/** The kernel lists chains and sets in an order of its own. */
function same(found: readonly string[], expected: readonly string[]): boolean {
  return found.toSorted().join('\n') === expected.toSorted().join('\n');
}
