import { closeSync } from 'node:fs';
import { unavailable } from '../../src/model/errors.js';
import { assembleFamily } from '../../src/nat/assemble.js';
import { setNames, type SetName } from '../../src/nat/elements.js';
import { directions, trafficKey } from '../../src/nat/keys.js';
import { balanceChainsIn } from '../../src/nat/parse.js';
import { natFamilies, type FamilyState, type NatFamily, type NatState } from '../../src/nat/state.js';
import { trafficOf, type CountedElement, type ProviderTraffic } from '../../src/nat/traffic.js';
import { openNfnetlink } from './nfnetlink.js';
import type { Dumped } from './nfnetlink-dump.js';
import { readElements } from './nft-elements.js';
import { readListing } from './nft-listing.js';
import { lookUpElements } from './nft-lookup.js';
import type { AddressTexts } from './nft-words.js';
import { rulesetGeneration } from './nftables-generation.js';

/** How often something is read that is changed meanwhile. */
const tries = 5;

/** What makes that it must be read again, or need not be read at all. */
type Hindrance = Exclude<Dumped, 'whole'> | 'foreign';

/**
 * The tables of a router, both of one moment.
 * @param namespace the file that holds the router.
 * @param lookUpFrom that many elements of `traffic` are looked up and not listed.
 * @throws NetctlError `unavailable`, also if they are changed all the time.
 */
export async function readTables(namespace: string, lookUpFrom: number): Promise<NatState | 'missing' | 'foreign'> {
  for (let left = tries; left > 0; left -= 1) {
    const generation = rulesetGeneration(namespace);
    const [ip = 'missing', ip6 = 'missing'] = await Promise.all(natFamilies.map((family) => readTable(namespace, family, lookUpFrom)));
    // A list says of itself whether it was changed; only this says it of all together.
    if (ip === 'changed' || ip6 === 'changed' || rulesetGeneration(namespace) !== generation) continue;
    if (typeof ip === 'object' && typeof ip6 === 'object') return { ip, ip6 };
    return ip === 'missing' && ip6 === 'missing' ? 'missing' : 'foreign';
  }
  throw unavailable(`the nftables rules in the router at ${namespace} were changed each of the ${tries} times while they were read: find out who does that`);
}

/** What the legs of a router have carried. The parameters are those of {@link readTables}. @throws NetctlError `unavailable` */
export async function readTraffic(namespace: string, lookUpFrom: number): Promise<ProviderTraffic[]> {
  const families = await Promise.all(natFamilies.map((family) => withSocket(namespace, (socket) => readFamilyTraffic(socket, family, lookUpFrom))));
  return families.flat();
}

async function readTable(namespace: string, family: NatFamily, lookUpFrom: number): Promise<FamilyState | Hindrance> {
  const listing = await withSocket(namespace, (socket) => readListing(socket, family));
  if (typeof listing === 'string') return listing;
  const balanceChains = balanceChainsIn(family, listing);
  if (!balanceChains) return 'foreign';
  const texts = newTexts();
  const read = (set: SetName): Promise<readonly CountedElement[] | Hindrance> => withSocket(namespace, (socket) => readSet(socket, family, set, texts));
  const [legs, ...others] = await Promise.all([read('legs'), ...setNames.filter((set) => set !== 'legs' && set !== 'traffic').map(read)]);
  const size = listing.sets.find(({ name }) => name === 'traffic')?.size;
  const isLookedUp = typeof legs === 'object' && size !== undefined && size >= lookUpFrom && size === legs.length * directions.length;
  const traffic = isLookedUp ? await withSocket(namespace, (socket) => lookUpTraffic(socket, family, legs, texts)) : await read('traffic');
  const elements: CountedElement[] = [];
  for (const set of [legs, traffic, ...others]) {
    if (typeof set === 'string') return set;
    for (const element of set) elements.push(element);
  }
  return assembleFamily(balanceChains, elements) ?? 'foreign';
}

async function readSet(socket: number, family: NatFamily, set: SetName, texts: AddressTexts): Promise<readonly CountedElement[] | Hindrance> {
  const { dumped, isStrange, elements } = await readElements(socket, family, set, texts);
  if (dumped !== 'whole') return dumped;
  return isStrange ? 'foreign' : elements;
}

/** If there are as many as there must be for these legs, and each of those is there, then there are no others. */
async function lookUpTraffic(socket: number, family: NatFamily, legs: readonly CountedElement[], texts: AddressTexts): Promise<readonly CountedElement[] | 'foreign'> {
  const { elements, isStrange } = await lookUpElements(socket, family, 'traffic', trafficKeys(legs), texts);
  return isStrange ? 'foreign' : elements;
}

function trafficKeys(legs: readonly CountedElement[]): string[] {
  return legs.flatMap(({ data }) => directions.map((direction) => trafficKey(Number(data), direction)));
}

async function readFamilyTraffic(socket: number, family: NatFamily, lookUpFrom: number): Promise<ProviderTraffic[]> {
  const texts = newTexts();
  const legs = await readAll(socket, family, 'legs', texts);
  const keys = trafficKeys(legs);
  const traffic = keys.length >= lookUpFrom ? (await lookUpElements(socket, family, 'traffic', keys, texts)).elements : await readAll(socket, family, 'traffic', texts);
  return trafficOf(legs, traffic);
}

/**
 * The counts move on while they are read, so they need not be of one moment. But while elements come and go, a list may leave out
 * one that is there all the time: then it is made again, and one that was in any of the lists counts.
 */
async function readAll(socket: number, family: NatFamily, set: SetName, texts: AddressTexts): Promise<readonly CountedElement[]> {
  const found = new Map<string, CountedElement>();
  for (let left = tries; left > 0; left -= 1) {
    const { dumped, elements } = await readElements(socket, family, set, texts);
    if (dumped !== 'changed' && found.size === 0) return elements;
    for (const element of elements) found.set(element.key, element);
    if (dumped !== 'changed') break;
  }
  return [...found.values()];
}

async function withSocket<T>(namespace: string, work: (socket: number) => Promise<T>): Promise<T> {
  const socket = openNfnetlink(namespace);
  try {
    return await work(socket);
  } finally {
    closeSync(socket);
  }
}

function newTexts(): AddressTexts {
  return { ipv4: new Map(), ipv6: new Map() };
}
