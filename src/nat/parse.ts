import { IpAddress } from '../model/address.js';
import { assembleFamily } from './assemble.js';
import { setNames } from './elements.js';
import type { NatElement, SetName } from './elements.js';
import { counted, field, partsOf } from './json.js';
import { parseChainName } from './keys.js';
import { parseListing } from './listing.js';
import type { Listing } from './listing.js';
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
  // nft 1.0.6 writes the concatenated type of data as one text and that of keys as a list.
  const typeText = (type: unknown): string => [type].flat().join(' . ');
  const statementText = (statements: unknown): string => (statements === undefined ? '' : ` ${JSON.stringify(statements)}`);
  return [
    ...maps.map(({ name, type, map, stmt }) => `map ${name} ${typeText(type)} : ${typeText(map)}${statementText(stmt)}`),
    ...sets.map(({ name, type, stmt }) => `set ${name} ${typeText(type)}${statementText(stmt)}`),
  ];
}

function expectedSets(family: NatFamily): string[] {
  return elementSets(family).map(({ kind, name, type, counter }) => `${kind} ${name} ${type}${counter ? ' [{"counter":null}]' : ''}`);
}

function chainShapes({ chains, rules }: Listing): string[] {
  const comments = new Map(chains.map(({ name }): [string, string[]] => [name, []]));
  for (const { chain, comment } of rules) comments.get(chain)?.push(comment ?? '');
  return chains.map(({ name, type, hook, prio, policy }) => chainShape(name, [type, hook, prio, policy], comments.get(name) ?? []));
}

function expectedChains(family: NatFamily, balanceChains: readonly string[]): string[] {
  const none = [undefined, undefined, undefined, undefined];
  const comments = (name: string): string[] => balanceRules(family, parseChainName(name) ?? { algorithm: 'roundrobin', slots: 1 }).map(({ comment }) => comment);
  return [
    chainShape(versionChain(family), none, []),
    ...baseChains(family).map(({ name, type, hook, priority, policy, rules }) =>
      chainShape(name, [type, hook, priority, policy], rules.map(({ comment }) => comment)),
    ),
    ...balanceChains.map((name) => chainShape(name, none, comments(name))),
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
    ...maps.flatMap(({ name, elem = [] }) => elem.map((item) => mapElement(setName(name), item))),
    ...sets.flatMap(({ name, elem = [] }) => elem.map((item): NatElement => ({ set: setName(name), key: keyText(name, item) }))),
  ];
}

/** The names were compared with the expected ones before. */
function setName(name: string): SetName {
  const known = setNames.find((set) => set === name);
  if (!known) throw new TypeError(`no set of ours is called ${name}`);
  return known;
}

function mapElement(set: SetName, item: unknown): NatElement {
  const [key, data] = Array.isArray(item) ? (item as unknown[]) : [];
  return { set, key: keyText(set, key), data: dataText(data) };
}

function keyText(set: string, item: unknown): string {
  const key = counted(item)?.key ?? item;
  return (set === 'segments' || set === 'routed') ? partsOf(key).map((name) => `"${name}"`).join(' . ') : textOf(key);
}

function dataText(data: unknown): string {
  const target = field(field(data, 'goto'), 'target');
  return typeof target === 'string' ? `goto ${target}` : textOf(data);
}

function textOf(value: unknown): string {
  return partsOf(value).map(canonical).join(' . ');
}

/** nft writes IPv6 addresses as inet_ntop does, which is not always RFC 5952's form. All else it writes as we do. */
function canonical(value: string | number): string {
  const text = String(value);
  return text.includes(':') ? (IpAddress.tryParse(text)?.toString() ?? text) : text;
}
