import { closeSync } from 'node:fs';
import { unavailable } from '../../src/model/errors.js';
import { assembleFamily } from '../../src/nat/assemble.js';
import { setNames, type SetName } from '../../src/nat/elements.js';
import { balanceChainsIn } from '../../src/nat/parse.js';
import { natFamilies, type FamilyState, type NatFamily, type NatState } from '../../src/nat/state.js';
import { trafficOf, type CountedElement, type ProviderTraffic } from '../../src/nat/traffic.js';
import { openNfnetlink } from './nfnetlink.js';
import { readElements } from './nft-elements.js';
import { readListing } from './nft-listing.js';
import type { AddressTexts } from './nft-words.js';
import { rulesetGeneration } from './nftables-generation.js';

/** How often something is read that is changed meanwhile. */
const tries = 5;

/**
 * The tables of a router, both of one moment.
 * @param namespace the file that holds the router.
 * @throws NetctlError `unavailable`, also if they are changed all the time.
 */
export async function readTables(namespace: string): Promise<NatState | 'missing' | 'foreign'> {
  for (let left = tries; left > 0; left -= 1) {
    const generation = await rulesetGeneration(namespace);
    const [ip = 'missing', ip6 = 'missing'] = await Promise.all(natFamilies.map((family) => readTable(namespace, family)));
    // A list says of itself whether it was changed; only this says it of all together.
    if (ip === 'changed' || ip6 === 'changed' || (await rulesetGeneration(namespace)) !== generation) continue;
    if (typeof ip === 'object' && typeof ip6 === 'object') return { ip, ip6 };
    return ip === 'missing' && ip6 === 'missing' ? 'missing' : 'foreign';
  }
  throw unavailable(`the nftables rules in the router at ${namespace} were changed each of the ${tries} times while they were read: find out who does that`);
}

/** What the legs of a router have carried. @throws NetctlError `unavailable` */
export async function readTraffic(namespace: string): Promise<ProviderTraffic[]> {
  const families = await Promise.all(natFamilies.map(async (family) => {
    const texts = newTexts();
    const [legs = [], traffic = []] = await Promise.all((['legs', 'traffic'] as const).map((set) => countsIn(namespace, family, set, texts)));
    return trafficOf(legs, traffic);
  }));
  return families.flat();
}

async function readTable(namespace: string, family: NatFamily): Promise<FamilyState | 'missing' | 'foreign' | 'changed'> {
  const listing = await withSocket(namespace, (socket) => readListing(socket, family));
  if (typeof listing === 'string') return listing;
  const balanceChains = balanceChainsIn(family, listing);
  if (!balanceChains) return 'foreign';
  const texts = newTexts();
  const sets = await Promise.all(setNames.map((set) => withSocket(namespace, (socket) => readElements(socket, family, set, texts))));
  if (sets.some(({ dumped }) => dumped !== 'whole')) return 'changed';
  if (sets.some(({ isStrange }) => isStrange)) return 'foreign';
  return assembleFamily(balanceChains, sets.flatMap(({ elements }) => elements)) ?? 'foreign';
}

/**
 * The counts move on while they are read, so they need not be of one moment. But while elements come and go, a list may leave out
 * one that is there all the time: then it is made again, and one that was in any of the lists counts.
 */
async function countsIn(namespace: string, family: NatFamily, set: SetName, texts: AddressTexts): Promise<Iterable<CountedElement>> {
  const found = new Map<string, CountedElement>();
  for (let left = tries; left > 0; left -= 1) {
    const { dumped, elements } = await withSocket(namespace, (socket) => readElements(socket, family, set, texts));
    if (dumped !== 'changed' && found.size === 0) return elements;
    for (const element of elements) found.set(element.key, element);
    if (dumped !== 'changed') break;
  }
  return found.values();
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
