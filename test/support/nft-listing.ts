import { z } from 'zod';
import { IpAddress } from '../../src/model/address.js';
import { assembleFamily } from '../../src/nat/assemble.js';
import { setNames, type NatElement, type SetName } from '../../src/nat/elements.js';
import type { Listing } from '../../src/nat/listing.js';
import { balanceChainsIn } from '../../src/nat/parse.js';
import type { FamilyState, NatFamily } from '../../src/nat/state.js';

// Tables as `nft -j list table` prints them: not by netctl's own eyes, which read netlink.

const elem = z.array(z.unknown()).optional();
const name = z.string();
const stmt = z.array(z.record(z.string(), z.unknown())).optional();
const map = z.object({ name, type: z.unknown(), map: z.unknown(), stmt, elem });
const set = z.object({ name, type: z.unknown(), stmt, elem });
const chain = z.object({ name, type: z.string().optional(), hook: z.string().optional(), prio: z.number().optional(), policy: z.string().optional() });
const rule = z.object({ chain: z.string(), comment: z.string().optional() });
const object = z.union([
  z.strictObject({ metainfo: z.unknown() }),
  z.strictObject({ table: z.object({ name }) }),
  z.strictObject({ map }),
  z.strictObject({ set }),
  z.strictObject({ chain }),
  z.strictObject({ rule }),
]);
const output = z.object({ nftables: z.array(object) });

interface Listed extends Listing {
  readonly elements: readonly NatElement[];
}

/** What a table holds, if it is one of netctl's. */
export function parseTable(family: NatFamily, json: string): FamilyState | undefined {
  const listed = parseListing(json);
  const balanceChains = listed && balanceChainsIn(family, listed);
  return balanceChains && assembleFamily(balanceChains, listed.elements);
}

/** Undefined if there is anything that netctl never puts into a table. */
export function parseListing(json: string): Listed | undefined {
  const { success, data } = output.safeParse(JSON.parse(json));
  if (!success) return undefined;
  const maps = data.nftables.flatMap((item) => ('map' in item ? [item.map] : []));
  const sets = data.nftables.flatMap((item) => ('set' in item ? [item.set] : []));
  return {
    sets: [
      ...maps.map(({ name, type, map, stmt }) => ({ kind: 'map' as const, name, type: `${typeText(type)} : ${typeText(map)}`, expressions: namesOf(stmt) })),
      ...sets.map(({ name, type, stmt }) => ({ kind: 'set' as const, name, type: typeText(type), expressions: namesOf(stmt) })),
    ],
    chains: data.nftables.flatMap((item) => ('chain' in item ? [chainOf(item.chain)] : [])),
    rules: data.nftables.flatMap((item) => ('rule' in item ? [{ chain: item.rule.chain, comment: item.rule.comment ?? '' }] : [])),
    others: [],
    elements: [
      ...maps.flatMap(({ name, elem = [] }) => elem.flatMap((item) => setName(name).map((set) => mapElement(set, item)))),
      ...sets.flatMap(({ name, elem = [] }) => elem.flatMap((item) => setName(name).map((set): NatElement => ({ set, key: keyText(set, item) })))),
    ],
  };
}

/** nft 1.0.6 writes the concatenated type of data as one text and that of keys as a list. */
function typeText(type: unknown): string {
  return [type].flat().join(' . ');
}

function namesOf(statements: readonly Record<string, unknown>[] = []): string[] {
  return statements.flatMap((statement) => Object.keys(statement));
}

function chainOf({ name, type, hook, prio, policy }: z.infer<typeof chain>): Listing['chains'][number] {
  return { name, ...(type !== undefined && { base: { type, hook: hook ?? '', priority: prio ?? 0, policy: policy ?? '' } }) };
}

function setName(name: string): SetName[] {
  return setNames.filter((set) => set === name);
}

function mapElement(set: SetName, item: unknown): NatElement {
  const [key, data] = Array.isArray(item) ? (item as unknown[]) : [];
  const target = field(field(data, 'goto'), 'target');
  return { set, key: keyText(set, key), data: typeof target === 'string' ? `goto ${target}` : textOf(data) };
}

function keyText(set: SetName, item: unknown): string {
  const key = countedKey(item) ?? item;
  return set === 'segments' || set === 'routed' ? partsOf(key).map((name) => `"${name}"`).join(' . ') : textOf(key);
}

function textOf(value: unknown): string {
  return partsOf(value).map(canonical).join(' . ');
}

/** nft writes IPv6 addresses as inet_ntop does, which is not always RFC 5952's form. All else it writes as netctl does. */
function canonical(value: string | number): string {
  const text = String(value);
  return text.includes(':') ? (IpAddress.tryParse(text)?.toString() ?? text) : text;
}

/** One part, or those of a concatenation. What is neither has no parts, and its text, which is empty, belongs to no state. */
function partsOf(value: unknown): (string | number)[] {
  const parts = field(value, 'concat') ?? [value];
  const isPart = (part: unknown): part is string | number => typeof part === 'string' || typeof part === 'number';
  return Array.isArray(parts) && parts.every(isPart) ? parts : [];
}

/** Of an element that counts, and has nothing besides. */
function countedKey(item: unknown): unknown {
  const element = field(item, 'elem');
  const isCounted = typeof element === 'object' && element !== null && Object.keys(element).toSorted().join() === 'counter,val';
  return isCounted ? field(element, 'val') : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined;
}
