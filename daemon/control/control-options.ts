import type { DefaultPool } from '../../src/ipam/default-pool.js';
import type { UplinkRanges } from '../../src/fabric/uplink.js';
import type { Family } from '../../src/model/address.js';
import type { DockerEngine } from '../docker/port.js';
import type { Checkup, Kernel } from '../kernel/port.js';
import type { Store } from '../store/port.js';
import type { SharedHost } from './hosts.js';
import type { Logger } from './logger.js';
import type { RouterMetrics } from './routers.js';

export interface ControlOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly checkup: Checkup;
  readonly docker: DockerEngine;
  /** The name of this host. */
  readonly host: string;
  /** Of netctld. */
  readonly version: string;
  /** How the store is called: where it is. */
  readonly storeName: string;
  /** What makes it one of several; absent: there are no others. */
  readonly shared?: SharedHost;
  /** Whether a network that is created through this host is encrypted when nobody says. */
  readonly encryptByDefault: boolean;
  /** How long a released address rests, in milliseconds. */
  readonly restMs: number;
  /** How old what Docker asked for and did not use, or does not know any more, must be to be taken back, in milliseconds. */
  readonly reclaimMs: number;
  /** Between two readings of the whole kernel state, in milliseconds. */
  readonly verifyMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Where subnets are taken from that nobody names. */
  readonly defaultPools: Readonly<Record<Family, DefaultPool>>;
  /** Where the addresses of uplinks are taken from. */
  readonly uplinkRanges: UplinkRanges;
  readonly log: Logger;
  readonly metrics: RouterMetrics;
}
