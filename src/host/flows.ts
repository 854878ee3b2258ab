import type { UplinkRanges } from '../fabric/uplink.js';
import type { IpAddress } from '../model/address.js';
import type { Flow } from '../nat/input.js';
import type { HostUplink } from './input.js';

/** A published UDP port, and where the host leads it in one family. */
interface Leg {
  readonly hostIp?: IpAddress;
  readonly hostPort: number;
  readonly router: IpAddress;
  readonly routerPort: number;
}

/**
 * The UDP that must be forgotten, because nothing but its time-out would end it, which a client that keeps its source port
 * puts off for ever: what still goes where a port is not led any more, and what was sent to a port before it was published and is
 * still answered by the host itself.
 * @param flows UDP to addresses of the host
 */
export function staleHostFlows(flows: readonly Flow[], uplinks: readonly HostUplink[], ranges: UplinkRanges): Flow[] {
  const legs = new Map<string, Leg[]>();
  for (const leg of udpLegs(uplinks)) {
    const key = `${leg.router.family} ${leg.hostPort}`;
    legs.set(key, [...(legs.get(key) ?? []), leg]);
  }
  const legOf = ({ service: { address, port } }: Flow): Leg | undefined => {
    const candidates = legs.get(`${address.family} ${port}`) ?? [];
    return candidates.find(({ hostIp }) => hostIp?.equals(address)) ?? candidates.find(({ hostIp }) => hostIp === undefined);
  };
  // What somebody else translates is his.
  const isOurs = ({ service, provider }: Flow): boolean =>
    (service.port === provider.port && service.address.equals(provider.address)) || [ranges.ipv4, ranges.ipv6].some((range) => range.contains(provider.address));
  const isTranslated = ({ service, provider }: Flow): boolean => service.port !== provider.port || !service.address.equals(provider.address);
  return flows.filter((flow) => {
    const leg = legOf(flow);
    if (!isOurs(flow)) return false;
    return leg ? !(flow.provider.port === leg.routerPort && flow.provider.address.equals(leg.router)) : isTranslated(flow);
  });
}

/** All that the fate of UDP depends on, as text: as long as it is the same no flow becomes stale. */
export function udpLegsText(uplinks: readonly HostUplink[]): string {
  return udpLegs(uplinks)
    .map(({ hostIp, hostPort, router, routerPort }) => `${hostIp?.toString() ?? '*'} ${hostPort} ${router.toString()} ${routerPort}`)
    .sort()
    .join('\n');
}

function udpLegs(uplinks: readonly HostUplink[]): Leg[] {
  return uplinks.flatMap(({ link, publications }) =>
    publications
      .filter(({ protocol }) => protocol === 'udp')
      .flatMap(({ hostIp, hostPort, routerPort, families }) =>
        families.map((family) => ({ ...(hostIp ? { hostIp } : {}), hostPort, router: family === 4 ? link.router.ipv4 : link.router.ipv6, routerPort })),
      ),
  );
}
