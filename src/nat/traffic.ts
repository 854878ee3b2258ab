import type { IpAddress } from '../model/address.js';
import type { Protocol } from '../model/service.js';

/** What one provider has had of a service port's traffic. */
export interface ProviderTraffic {
  readonly service: IpAddress;
  readonly protocol: Protocol;
  /** The service's port, not the provider's. */
  readonly port: number;
  readonly provider: IpAddress;
  /** New connections. */
  readonly connections: number;
  /** From clients to the provider, and back; packets and bytes with all headers from IP on. */
  readonly received: { readonly packets: number; readonly bytes: number };
  readonly sent: { readonly packets: number; readonly bytes: number };
}
