import { IpAddress } from '../model/address.js';
import { assembleFamily } from './assemble.js';
import { setNames } from './elements.js';
import type { NatElement, SetName } from './elements.js';
import { parseChainName } from './keys.js';
import { parseListing } from './listing.js';
import type { Listing, Operand, Verdict } from './listing.js';
import { balanceRules, baseChains, elementSets, versionChain } from './rules.js';
import type { FamilyState, NatFamily } from './state.js';

/**
 * What a table holds, from the output of `nft -j list table`. Undefined if the table does not have the
 * rules of this version of netctl, all of them and in their order, or holds elements that do not belong
 * together: then only making it anew helps. Rules are known by their comments; that somebody changed a
 * rule and left its comment is not seen.
 * @throws SyntaxError if the text is not JSON.
 */
export function parseTable(family: NatFamily, json: string): FamilyState | undefined {
  const found = parseListing(json);
  if (!found) return undefined;
  const balanceChains = found.chains.map(({ name }) => name).filter((name) => parseChainName(name) !== undefined);
  if (!same(setShapes(found), expectedSets(family))) return undefined;
  if (!same(chainShapes(found), expectedChains(family, balanceChains))) return undefined;
  return assembleFamily(balanceChains, elementsIn(found));
}

/** One line for each thing, so that what is found and what is expected compare as texts. */
function setShapes({ maps, sets }: Listing): string[] {
  const typeText = (type: unknown): string => (Array.isArray(type) ? type.join(' . ') : String(type));
  return [
    ...maps.map(({ name, type, map }) => `map ${name} ${typeText(type)} : ${map}`),
    ...sets.map(({ name, type }) => `set ${name} ${typeText(type)}`),
  ];
}

function expectedSets(family: NatFamily): string[] {
  return elementSets(family).map(({ kind, name, type }) => `${kind} ${name} ${type}`);
}

function chainShapes({ chains, rules }: Listing): string[] {
  const comments = new Map(chains.map(({ name }): [string, string[]] => [name, []]));
  for (const { chain, comment } of rules) comments.get(chain)?.push(comment ?? '');
  return chains.map(({ name, type, hook, prio, policy }) => chainShape(name, [type, hook, prio, policy], comments.get(name) ?? []));
}

function expectedChains(family: NatFamily, balanceChains: readonly string[]): string[] {
  const none = [undefined, undefined, undefined, undefined];
  const comments = balanceRules(family, 1).map(({ comment }) => comment);
  return [
    chainShape(versionChain(family), none, []),
    ...baseChains(family).map(({ name, type, hook, priority, policy, rules }) =>
      chainShape(name, [type, hook, priority, policy], rules.map(({ comment }) => comment)),
    ),
    ...balanceChains.map((name) => chainShape(name, none, comments)),
  ];
}

function chainShape(name: string, head: readonly unknown[], comments: readonly string[]): string {
  return JSON.stringify([name, head, comments]);
}

/** nft lists chains and sets in an order of its own. */
function same(found: readonly string[], expected: readonly string[]): boolean {
  return found.toSorted().join('\n') === expected.toSorted().join('\n');
}

function elementsIn({ maps, sets }: Listing): NatElement[] {
  return [
    ...maps.flatMap(({ name, elem }) => (elem ?? []).map(([key, data]): NatElement => ({ set: setName(name), key: textOf(key), data: dataText(data) }))),
    ...sets.flatMap(({ name, elem }) => (elem ?? []).map((key): NatElement => ({ set: setName(name), key: keyText(name, key) }))),
  ];
}

/** The names were compared with the expected ones before. */
function setName(name: string): SetName {
  const known = setNames.find((set) => set === name);
  if (!known) throw new TypeError(`no set of ours is called ${name}`);
  return known;
}

function keyText(set: string, key: Operand): string {
  return set === 'segments' ? partsOf(key).map((name) => `"${name}"`).join(' . ') : textOf(key);
}

function dataText(data: Operand | Verdict): string {
  return typeof data === 'object' && 'goto' in data ? `goto ${data.goto.target}` : textOf(data);
}

function textOf(value: Operand): string {
  return partsOf(value).map(canonical).join(' . ');
}

function partsOf(value: Operand): (string | number)[] {
  return typeof value === 'object' ? value.concat : [value];
}

/** nft writes IPv6 addresses as inet_ntop does, which is not always RFC 5952's form. */
function canonical(value: string | number): string {
  return typeof value === 'string' ? (IpAddress.tryParse(value)?.toString() ?? value) : String(value);
}
