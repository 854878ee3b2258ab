import { bitsOf, IpAddress, Prefix, type Family } from '../model/address.js';
import { invalid } from '../model/errors.js';
import type { Subnet } from '../model/network.js';
import { givableSpans, whyUnusable } from './givable.js';

/** The lengths that Contiv accepts for IPv4, and all that have room for a container for IPv6. */
const lengths: Record<Family, { readonly shortest: number; readonly longest: number }> = {
  4: { shortest: 8, longest: 31 },
  6: { shortest: 1, longest: 127 },
};

/** Blocks whose addresses cannot be a container's (RFC 6890, RFC 4291). */
const specialBlocks: readonly { readonly block: Prefix; readonly use: string }[] = (
  [
    ['0.0.0.0/8', '"this network" addresses'],
    ['127.0.0.0/8', 'loopback addresses'],
    ['169.254.0.0/16', 'link-local addresses'],
    ['224.0.0.0/4', 'multicast addresses'],
    ['240.0.0.0/4', 'reserved addresses'],
    ['::/127', 'the unspecified and the loopback address'],
    ['::ffff:0:0/96', 'IPv4-mapped addresses'],
    ['fe80::/10', 'link-local addresses'],
    ['ff00::/8', 'multicast addresses'],
  ] as const
).map(([block, use]) => ({ block: Prefix.parse(block), use }));

/**
 * Reads a subnet as Contiv writes it: `10.1.1.0/24`, host bits allowed, or `10.1.1.50-10.1.1.100/24`
 * for a range of it; and its gateway, if there is one.
 * @throws NetctlError `invalid` with the rule that the text breaks.
 */
export function checkSubnet(family: Family, text: string, gatewayText?: string): Subnet {
  const { prefix, range } = parse(family, text);
  checkNotSpecial(prefix);
  const gateway = gatewayText === undefined ? undefined : checkGateway(prefix, gatewayText);
  const subnet = { prefix, ...(range && { range }), ...(gateway && { gateway }) };
  if (givableSpans(subnet).length === 0) throw invalid(`subnet ${text} has no address to give to a container`);
  return subnet;
}

/** The text that {@link checkSubnet} reads. */
export function formatSubnet({ prefix, range }: Subnet): string {
  return range ? `${range.first.toString()}-${range.last.toString()}/${prefix.length}` : prefix.toString();
}

function parse(family: Family, text: string): Pick<Subnet, 'prefix' | 'range'> {
  const [, firstText, lastText, lengthText] = /^([^-/]+)(?:-([^-/]+))?\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const first = IpAddress.tryParse(firstText ?? '');
  const last = lastText === undefined ? undefined : IpAddress.tryParse(lastText);
  if (!first || (lastText !== undefined && !last)) {
    throw invalid(
      `"${text}" is not a subnet: write it as address/length, for example 10.1.1.0/24, or as first-last/length, for example 10.1.1.50-10.1.1.100/24`,
    );
  }
  if (first.family !== family) throw invalid(`"${text}" is an IPv${first.family} subnet where an IPv${family} subnet belongs`);
  const length = Number(lengthText);
  checkLength(family, text, length);
  const prefix = Prefix.of(first, length);
  return { prefix, ...(last && { range: checkRange(prefix, first, last) }) };
}

function checkLength(family: Family, text: string, length: number): void {
  const { shortest, longest } = lengths[family];
  if (length === bitsOf(family)) {
    throw invalid(`subnet ${text} is a single address and has no room for containers: use a length of at most ${longest}`);
  }
  if (length < shortest || length > longest) {
    throw invalid(`subnet ${text} has the length ${length}: an IPv${family} subnet has a length of ${shortest} to ${longest}`);
  }
}

function checkRange(prefix: Prefix, first: IpAddress, last: IpAddress): { first: IpAddress; last: IpAddress } {
  const text = `${first.toString()}-${last.toString()}`;
  if (!prefix.contains(last)) throw invalid(`the range ${text} does not lie in one subnet of length ${prefix.length}: ${prefix.toString()} ends at ${prefix.last.toString()}`);
  if (last.value < first.value) throw invalid(`the range ${text} is reversed: write its lowest address first`);
  return { first, last };
}

/** Any overlap counts: within 169.0.0.0/8, too, link-local addresses would be given out. */
function checkNotSpecial(prefix: Prefix): void {
  const special = specialBlocks.find(({ block }) => block.overlaps(prefix));
  if (!special) return;
  throw invalid(`subnet ${prefix.toString()} cannot be used: ${special.block.toString()} are ${special.use}`);
}

function checkGateway(prefix: Prefix, text: string): IpAddress {
  const gateway = IpAddress.tryParse(text);
  if (!gateway) throw invalid(`the gateway "${text}" is not an IP address`);
  if (!prefix.contains(gateway)) throw invalid(`the gateway ${gateway.toString()} is not in subnet ${prefix.toString()}`);
  const why = whyUnusable(prefix, gateway);
  if (why) throw invalid(`the gateway ${gateway.toString()} is the ${why} of subnet ${prefix.toString()}: choose another address of it`);
  return gateway;
}
