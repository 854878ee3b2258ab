import { execa } from 'execa';
import { Space } from './space.js';

/** How a network goes on at another host if one makes it by hand. */
export interface PlainVxlan {
  /** Where the links of the hosts end. */
  readonly wire: Space;
  /** Of the segment, in bytes. */
  readonly mtu: number;
}

const vni = 7;
const mac = (number: number): string => `02:00:00:00:00:0${number}`;
/** As the lab's hosts are, and where none of these is. */
const underlay = (number: number): string => `192.168.50.20${number}`;
export const plainAddress = (number: number): string => `10.77.0.${number}`;

/**
 * Two hosts on the lab's wire with a container each, and between these what is the least that containers of several hosts need: a bridge on each
 * host, a veth pair, and VXLAN that knows the other side. Nothing looks at a packet: no rule, no conntrack.
 * @returns the containers.
 */
export async function plainVxlan({ wire, mtu }: PlainVxlan, teardown: (work: () => Promise<unknown>) => void): Promise<[Space, Space]> {
  const make = async (number: 1 | 2): Promise<Space> => {
    const [host, container] = [await namespace(`bench${process.pid}-h${number}`, teardown), await namespace(`bench${process.pid}-c${number}`, teardown)];
    await wire.ip(`link add plain${number} type veth peer name eth0 netns ${host.name}\nlink set plain${number} master br0 up`);
    await host.space.ip(hostLinks(number, mtu, container.name));
    const other = number === 1 ? 2 : 1;
    await host.space.run(['bridge', 'fdb', 'append', mac(other), 'dev', 'vx', 'dst', underlay(other), 'self', 'permanent']);
    await container.space.ip(containerLinks(number, mtu));
    return container.space;
  };
  return [await make(1), await make(2)];
}

function hostLinks(number: 1 | 2, mtu: number, container: string): string {
  return `link set lo up
address add ${underlay(number)}/24 dev eth0
link set eth0 up
link add bridge0 type bridge
link add vx mtu ${mtu} type vxlan id ${vni} dstport 4789 local ${underlay(number)} nolearning
link add port mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${container}
link set vx master bridge0 up
link set port master bridge0 up
link set bridge0 mtu ${mtu} up`;
}

function containerLinks(number: 1 | 2, mtu: number): string {
  const other = number === 1 ? 2 : 1;
  return `link set lo up
link set eth0 address ${mac(number)} mtu ${mtu} up
address add ${plainAddress(number)}/24 dev eth0
neighbour add ${plainAddress(other)} lladdr ${mac(other)} dev eth0 nud permanent`;
}

async function namespace(name: string, teardown: (work: () => Promise<unknown>) => void): Promise<{ name: string; space: Space }> {
  await execa('ip', ['netns', 'add', name]);
  teardown(() => execa('ip', ['netns', 'delete', name]));
  return { name, space: new Space(`/run/netns/${name}`) };
}
