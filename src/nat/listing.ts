/** What a table is made of, its elements aside. Of what has a name netctl knows all that it gives to one. */
export interface Listing {
  readonly sets: readonly ListedSet[];
  readonly chains: readonly ListedChain[];
  /** Those of a chain are in their order. */
  readonly rules: readonly ListedRule[];
  /** What else there is, which netctl never puts into a table: `object quota1`. */
  readonly others: readonly string[];
}

export interface ListedSet {
  readonly kind: 'map' | 'set';
  readonly name: string;
  /** As nft writes it: `ipv4_addr . inet_service : verdict`. */
  readonly type: string;
  /** What is done with each element when it is found: `counter`. */
  readonly expressions: readonly string[];
  /** How many elements it has; absent if the kernel does not tell: Linux 6.18 does, 6.1 does not. */
  readonly size?: number;
}

export interface ListedChain {
  readonly name: string;
  /** Of a base chain. */
  readonly base?: { readonly type: string; readonly hook: string; readonly priority: number; readonly policy: string };
}

export interface ListedRule {
  readonly chain: string;
  readonly comment: string;
}
