import type { Deletion } from './deletion.js';
import { defaultTenant } from './names.js';

/** A namespace of names and addresses. Tenants may use the same subnets and never reach each other. */
export interface Tenant {
  readonly name: string;
  /** Whether the host itself reaches the tenant's service IPs and containers. Absent: see {@link hasHostAccess}. */
  readonly hostAccess?: boolean;
  /** It is being deleted: nothing new may use it. */
  readonly deleting?: Deletion;
}

/** What the host reaches unless a user decided otherwise: tenant default, as with Docker's own networks, and no other. */
export function hasHostAccess({ name, hostAccess }: Tenant): boolean {
  return hostAccess ?? name === defaultTenant;
}
