import type { IpAddress } from './address.js';

/** Who holds an address. */
export type Owner =
  | { readonly kind: 'gateway' }
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'endpoint'; readonly id: string }
  /** Docker asked for an address and has not yet said for which endpoint; of the container it names nothing. */
  | { readonly kind: 'request'; readonly host: string }
  /** Never given to anybody: Docker's `--aux-address`. */
  | { readonly kind: 'reserved' }
  /** Released a short while ago: given out again only when nothing else is free. */
  | { readonly kind: 'resting' };

/** Whether somebody works with the address: the gateway is the router's, and nobody has what is reserved or rests. */
export function isInUse({ kind }: Owner): boolean {
  return kind === 'service' || kind === 'endpoint' || kind === 'request';
}

/** An address held by an owner. */
export interface Allocation {
  readonly tenant: string;
  readonly network: string;
  readonly address: IpAddress;
  readonly owner: Owner;
  /** When the owner got it, or, for a resting address, when it was released; milliseconds since the epoch. */
  readonly since: number;
}
