import type { IpAddress, Mac } from './address.js';
import type { Publication } from './publication.js';

/** One container's attachment to one network. Its id is Docker's endpoint id: 64 hexadecimal digits. */
export interface Endpoint {
  readonly id: string;
  readonly tenant: string;
  readonly network: string;
  readonly addresses: readonly IpAddress[];
  readonly mac: Mac;
  /** The name of the host that the container runs on. */
  readonly host: string;
  /** The container's network namespace as Docker names it; present from Join to Leave, and only then has it a link. */
  readonly sandboxKey?: string;
  /** The ports that Docker asked to publish on the host, in the order of `docker run -p`; absent: none. */
  readonly publications?: readonly Publication[];
}
