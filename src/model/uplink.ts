/** The link between a tenant's router and its host. Its number makes its name and its addresses, see src/fabric/uplink.ts. */
export interface Uplink {
  readonly host: string;
  readonly tenant: string;
  /** Unique on its host, from 0 on. */
  readonly index: number;
}
