import { z } from 'zod';

// What `nft -j list table` prints, as far as it is looked at.

// Elements are left as they are: a schema would take seconds for tens of thousands of them.
const elem = z.array(z.unknown()).optional();
const name = z.string();
const stmt = z.unknown().optional();
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
const listing = z.object({ nftables: z.array(object) });

/** The objects of a listed table, by kind. */
export interface Listing {
  readonly maps: readonly z.infer<typeof map>[];
  readonly sets: readonly z.infer<typeof set>[];
  readonly chains: readonly z.infer<typeof chain>[];
  readonly rules: readonly z.infer<typeof rule>[];
}

/**
 * The listing in this text; undefined if it has anything that netctl never puts into a table.
 * @throws SyntaxError if the text is not JSON.
 */
export function parseListing(json: string): Listing | undefined {
  const { success, data } = listing.safeParse(JSON.parse(json));
  if (!success) return undefined;
  return {
    maps: data.nftables.flatMap((item) => ('map' in item ? [item.map] : [])),
    sets: data.nftables.flatMap((item) => ('set' in item ? [item.set] : [])),
    chains: data.nftables.flatMap((item) => ('chain' in item ? [item.chain] : [])),
    rules: data.nftables.flatMap((item) => ('rule' in item ? [item.rule] : [])),
  };
}
