import { namespace } from './namespace.js';
import type { Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** A host, and its address at the others. */
export interface PlainHost {
  readonly space: Space;
  readonly address: string;
}

export interface PlainSegment {
  /** Tells the segments of one benchmark apart: their namespaces, VNIs and UDP ports. 0..9 */
  readonly number: number;
  readonly hosts: readonly [PlainHost, PlainHost];
  /** Of the segment, in bytes. */
  readonly mtu: number;
}

type Side = 1 | 2;

const mac = (side: Side): string => `02:00:00:00:00:0${side}`;
/** Of the container on the first or the second host. */
export const plainAddress = (side: Side): string => `10.77.0.${side}`;

/** Hosts on the lab's wire besides the lab's own, on which there is nothing else: no Docker, no rule, no conntrack. */
export async function emptyHosts(wire: Space, teardown: Teardown): Promise<[PlainHost, PlainHost]> {
  const make = async (side: Side): Promise<PlainHost> => {
    const { name, space } = await namespace(`h${side}`, teardown);
    const address = `192.168.50.20${side}`;
    await wire.ip(`link add empty${side} type veth peer name eth0 netns ${name}\nlink set empty${side} master br0 up`);
    await space.ip(`link set lo up\naddress add ${address}/24 dev eth0\nlink set eth0 up`);
    return { space, address };
  };
  return [await make(1), await make(2)];
}

/**
 * A container on each of two hosts, and between these the least that they need: on each host a namespace with a bridge, a veth pair, and VXLAN that
 * knows the other side. In these namespaces nothing looks at a packet: there is no rule and no conntrack.
 * @returns the containers.
 */
export async function plainSegment(segment: PlainSegment, teardown: Teardown): Promise<[Space, Space]> {
  const make = async (side: Side): Promise<Space> => {
    const bridge = await namespace(`b${segment.number}${side}`, teardown);
    const container = await namespace(`c${segment.number}${side}`, teardown);
    await segment.hosts[side - 1]?.space.ip(vxlanLink(segment, side, bridge.name));
    await bridge.space.ip(bridgeLinks(segment.mtu, container.name));
    await bridge.space.run(['bridge', 'fdb', 'append', mac(otherThan(side)), 'dev', 'vx', 'dst', addressOf(segment, otherThan(side)), 'self', 'permanent']);
    await container.space.ip(containerLinks(side, segment.mtu));
    return container.space;
  };
  return [await make(1), await make(2)];
}

const otherThan = (side: Side): Side => (side === 1 ? 2 : 1);
const addressOf = ({ hosts }: PlainSegment, side: Side): string => hosts[side - 1]?.address ?? '';

/** Made on the host, so that its socket is there. The port is not netctl's. */
function vxlanLink(segment: PlainSegment, side: Side, bridge: string): string {
  const { number, mtu } = segment;
  return `link add vx mtu ${mtu} type vxlan id ${7000 + number} dstport ${4800 + number} local ${addressOf(segment, side)} nolearning\nlink set vx netns ${bridge}`;
}

function bridgeLinks(mtu: number, container: string): string {
  return `link add bridge0 type bridge
link add port mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${container}
link set vx master bridge0 up
link set port master bridge0 up
link set bridge0 mtu ${mtu} up`;
}

function containerLinks(side: Side, mtu: number): string {
  const other = otherThan(side);
  return `link set lo up
link set eth0 address ${mac(side)} mtu ${mtu} up
address add ${plainAddress(side)}/24 dev eth0
neighbour add ${plainAddress(other)} lladdr ${mac(other)} dev eth0 nud permanent`;
}
