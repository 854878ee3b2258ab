import { fabricState } from '../fabric/keys.js';
import { bridgeName, vxlanName } from '../fabric/names.js';
import { segmentMtu } from '../fabric/segment-mtu.js';
import type { FabricState } from '../fabric/state.js';
import { bitsOf, Mac, Prefix, type IpAddress } from '../model/address.js';
import type { Host } from '../model/host.js';

/** The router of no tenant from which the way to other hosts is measured: no tenant's name can have an underscore. */
export const probeRouter = '_hosts';

/** No network has it: to a user 0 means "any". */
const probeVni = 0;

type Place = Pick<Host, 'underlay' | 'underlayMtu'>;

/**
 * A segment of no tenant, in which each host has the address that it has on the underlay: so nobody need agree on any. What goes through it
 * meets what packets of containers meet: VXLAN, the underlay, and the firewalls there.
 *
 * @param others all but this one; those that are reached by another family of addresses are left out
 * @param port of VXLAN, UDP
 */
export function planSegment(own: Place, others: readonly Place[], port: number): FabricState {
  const [bridge, vxlan] = [bridgeName(probeVni), vxlanName(probeVni)];
  const mtu = segmentMtu([own]);
  const remotes = others.filter(({ underlay }) => underlay.family === own.underlay.family && !underlay.equals(own.underlay)).map(({ underlay }) => underlay);
  return fabricState({
    links: [
      { kind: 'bridge', name: bridge, mac: macOf(own.underlay), mtu, netfilter: false, up: true },
      { kind: 'vxlan', name: vxlan, vni: probeVni, local: own.underlay, port, bridge, mtu, suppressing: true, up: true },
    ],
    addresses: [{ link: bridge, address: own.underlay, length: bitsOf(own.underlay.family) }],
    routes: remotes.map((address) => ({ kind: 'segment', prefix: Prefix.of(address, bitsOf(address.family)), link: bridge })),
    neighbours: remotes.map((address) => ({ link: bridge, address, mac: macOf(address) })),
    fdb: remotes.map((address) => ({ kind: 'unicast', link: vxlan, mac: macOf(address), destination: address, bridged: true })),
  });
}

/** The longest packet that could reach the other host through the segment, in bytes, if nothing on the way is smaller than the hosts' own links. */
export function mostThrough(own: Place, other: Place): number {
  return segmentMtu([own, other]);
}

/** `02:03:` and the last four octets: locally administered, and neither a gateway's nor an endpoint's. */
function macOf(address: IpAddress): Mac {
  const octets = (address.value & 0xffff_ffffn).toString(16).padStart(8, '0').match(/../g) ?? [];
  return Mac.parse(['02', '03', ...octets].join(':'));
}
