import type { IpAddress, Mac, Prefix } from '../model/address.js';
import type { Uplink } from '../model/uplink.js';

/** From these the addresses of all uplinks of a host are taken, two of each family for each. They are never seen outside the host. */
export interface UplinkRanges {
  readonly ipv4: Prefix;
  readonly ipv6: Prefix;
}

/** One end of an uplink. */
export interface UplinkEnd {
  readonly link: string;
  readonly mac: Mac;
  readonly ipv4: IpAddress;
  readonly ipv6: IpAddress;
}

/** An uplink with its names and addresses. The two addresses of a family are the only ones of their prefix, /31 and /127 (RFC 3021, RFC 6164). */
export interface UplinkLink {
  readonly tenant: string;
  /** In the host's own namespace. */
  readonly host: UplinkEnd;
  /** In the router. */
  readonly router: UplinkEnd;
}

/** How many uplinks the ranges have room for. */
export declare function uplinkCapacity(ranges: UplinkRanges): number;

/** @throws RangeError if the ranges have no room for the uplink's index. */
export declare function uplinkLink(uplink: Uplink, ranges: UplinkRanges): UplinkLink;
