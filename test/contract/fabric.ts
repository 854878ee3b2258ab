import type { Test } from 'tap';
import type { Fabric, Routers } from '../../daemon/kernel/port.js';
import { addressKey, fdbKey, neighbourKey, routeKey } from '../../src/fabric/keys.js';
import type { AddressState, BridgeLink, FabricLink, FabricState, FabricStep, FdbState, NeighbourState, PortLink, RouteState, UplinkPort, VxlanLink } from '../../src/fabric/state.js';
import type { ErrorCode } from '../../src/model/errors.js';
import { IpAddress, Mac, Prefix } from '../../src/model/address.js';

interface Case {
  readonly name: string;
  readonly steps: readonly FabricStep[];
  /** What the router then holds, one line for each item. */
  readonly holds: readonly string[];
  /** The code with which the last step is refused. */
  readonly refused?: ErrorCode;
}

const mac1 = Mac.parse('02:01:00:00:00:01');
const mac2 = Mac.parse('02:01:00:00:00:02');
const peer = { name: 'vc-00000000000a', mac: Mac.parse('02:02:0a:00:00:0a'), mtu: 1500 };

const mtu = 1500;
const bridge = (name: string, mac = mac1, up = true, size = mtu, netfilter = false): BridgeLink => ({ kind: 'bridge', name, mac, mtu: size, netfilter, up });
const port = (name: string, bridge: string, hairpin = true, up = true): PortLink => ({ kind: 'port', name, bridge, hairpin, mtu, up });
const createBridge = (name: string, mac = mac1, size = mtu): FabricStep => ({ action: 'createBridge', link: bridge(name, mac, true, size) });
const setNetfilter = (name: string, netfilter: boolean): FabricStep => ({ action: 'setNetfilter', name, netfilter });
const createPort = (name: string, bridge: string, other = peer): FabricStep => ({ action: 'createPort', link: port(name, bridge), peer: other });
const setPort = (link: PortLink): FabricStep => ({ action: 'setPort', link });
const deleteLink = (name: string): FabricStep => ({ action: 'deleteLink', name });

const address = (text: string, length: number, link = 'br1'): AddressState => ({ link, address: IpAddress.parse(text), length });
const addAddress = (...of: Parameters<typeof address>): FabricStep => ({ action: 'addAddress', address: address(...of) });
const deleteAddress = (...of: Parameters<typeof address>): FabricStep => ({ action: 'deleteAddress', address: address(...of) });

const segment = (text: string, link = 'br1'): RouteState => ({ kind: 'segment', prefix: Prefix.parse(text), link });
const service = (text: string): RouteState => ({ kind: 'service', prefix: Prefix.parse(text), link: 'lo' });
const addRoute = (route: RouteState): FabricStep => ({ action: 'addRoute', route });
const deleteRoute = (route: RouteState): FabricStep => ({ action: 'deleteRoute', route });

const neighbour = (text: string, mac = peer.mac, link = 'br1'): NeighbourState => ({ link, address: IpAddress.parse(text), mac });
const setNeighbour = (...of: Parameters<typeof neighbour>): FabricStep => ({ action: 'setNeighbour', neighbour: neighbour(...of) });
const deleteNeighbour = (...of: Parameters<typeof neighbour>): FabricStep => ({ action: 'deleteNeighbour', neighbour: neighbour(...of) });

const uplink = (index: number): UplinkPort => ({ kind: 'uplink', name: 'uplink', mac: Mac.parse(`02:03:00:00:0${index}:01`), up: true });
const createUplink = (index: number): FabricStep => ({ action: 'createUplink', link: uplink(index), peer: { name: `nu-${index}`, mac: Mac.parse(`02:03:00:00:0${index}:00`), mtu: 1500 } });
const defaultRoute = (text: string): RouteState => {
  const via = IpAddress.parse(text);
  return { kind: 'default', prefix: Prefix.of(via, 0), link: 'uplink', via };
};

/** A VXLAN link with the VNI 1 or 2, in the bridge of that number. */
const vxlan = (vni: number, changes: Partial<VxlanLink> = {}): VxlanLink => {
  const made = { kind: 'vxlan', name: `vx${vni}`, vni, local: IpAddress.parse('192.0.2.1'), port: 4789, bridge: `br${vni}`, mtu: 1450, suppressing: true, up: true } as const;
  return { ...made, ...changes };
};
const createVxlan = (...of: Parameters<typeof vxlan>): FabricStep => ({ action: 'createVxlan', link: vxlan(...of) });
const detached = ({ bridge: _, ...link }: VxlanLink): VxlanLink => ({ ...link, suppressing: false });
const way = (mac: Mac, text: string): FdbState => ({ kind: 'unicast', link: 'vx1', mac, destination: IpAddress.parse(text), bridged: true });
const flood = (text: string): FdbState => ({ kind: 'flood', link: 'vx1', destination: IpAddress.parse(text) });
const setFdb = (entry: FdbState): FabricStep => ({ action: 'setFdb', entry });
const deleteFdb = (entry: FdbState): FabricStep => ({ action: 'deleteFdb', entry });
const vx1 = 'vx1 1 192.0.2.1 4789 in br1 mtu 1450 suppressing up';
const small1 = 'br1 02:01:00:00:00:01 up mtu 1450';
const smallBridge = createBridge('br1', mac1, 1450);
const overlay1 = [smallBridge, createVxlan(1)];

const uplink0 = 'uplink 02:03:00:00:00:01 to nu-0 02:03:00:00:00:00 up';
const br1 = 'br1 02:01:00:00:00:01 up';
const br2 = 'br2 02:01:00:00:00:02 up';
const twoBridges = [createBridge('br1'), createBridge('br2', mac2)];

const cases: readonly Case[] = [
  { name: 'a new router holds nothing', steps: [], holds: [] },
  { name: 'bridges', steps: twoBridges, holds: [br1, br2] },
  { name: 'a bridge has its MTU whatever ports it has', steps: [createBridge('br1', mac1, 1400), createPort('vr-00000000000a', 'br1')], holds: ['br1 02:01:00:00:00:01 up mtu 1400', 'vr-00000000000a in br1 hairpin up'] },
  { name: 'a bridge that exists is changed', steps: [createBridge('br1', mac2), createBridge('br1')], holds: [br1] },
  { name: 'setBridge changes the MAC address', steps: [createBridge('br1', mac2), { action: 'setBridge', link: bridge('br1') }], holds: [br1] },
  { name: 'a bridge with netfilter', steps: [{ action: 'createBridge', link: bridge('br1', mac1, true, mtu, true) }], holds: [`${br1} netfilter`] },
  {
    name: 'netfilter is given to a bridge that has neighbours, and to no other',
    steps: [...twoBridges, setNeighbour('10.0.0.2'), setNetfilter('br1', true)],
    holds: [`${br1} netfilter`, br2, 'br1 10.0.0.2 02:02:0a:00:00:0a'],
  },
  { name: 'netfilter is taken from a bridge', steps: [...twoBridges, setNetfilter('br1', true), setNetfilter('br2', true), setNetfilter('br2', false)], holds: [`${br1} netfilter`, br2] },
  { name: 'a bridge that is changed has the netfilter that is asked for', steps: [createBridge('br1'), { action: 'setBridge', link: bridge('br1', mac1, true, mtu, true) }], holds: [`${br1} netfilter`] },
  { name: 'a bridge that is not there gets no netfilter', steps: [setNetfilter('br1', true)], holds: [], refused: 'unavailable' },
  { name: 'a port gets no netfilter', steps: [createBridge('br1'), createPort('vr-00000000000a', 'br1'), setNetfilter('vr-00000000000a', true)], holds: [br1, 'vr-00000000000a in br1 hairpin up'], refused: 'internal' },
  {
    name: 'a link of another kind is not taken for a bridge',
    steps: [createBridge('br1'), createPort('vr-00000000000a', 'br1'), createBridge('vr-00000000000a')],
    holds: [br1, 'vr-00000000000a in br1 hairpin up'],
    refused: 'internal',
  },
  {
    name: 'a changed bridge loses its neighbours and nothing else',
    steps: [createBridge('br1'), addAddress('10.0.0.1', 24), addAddress('fd00::1', 64), addRoute(segment('10.9.0.0/24')), setNeighbour('10.0.0.2'), setNeighbour('fd00::2'), createBridge('br1')],
    holds: [br1, 'br1 10.0.0.1/24', 'br1 fd00::1/64', 'segment 10.9.0.0/24 br1'],
  },
  {
    name: 'a bridge that goes down keeps its IPv4 addresses only, and up again it has got nothing back',
    steps: [
      createBridge('br1'),
      ...[addAddress('10.0.0.1', 24), addAddress('fd00::1', 64), addRoute(segment('10.9.0.0/24')), addRoute(segment('fd09::/64')), setNeighbour('10.0.0.2')],
      { action: 'setBridge', link: bridge('br1', mac1, false) },
      { action: 'setBridge', link: bridge('br1') },
    ],
    holds: [br1, 'br1 10.0.0.1/24'],
  },
  { name: 'a port', steps: [createBridge('br1'), createPort('vr-00000000000a', 'br1')], holds: [br1, 'vr-00000000000a in br1 hairpin up'] },
  {
    name: 'a port that exists is replaced',
    steps: [...twoBridges, createPort('vr-00000000000a', 'br1'), createPort('vr-00000000000a', 'br2')],
    holds: [br1, br2, 'vr-00000000000a in br2 hairpin up'],
  },
  { name: 'a port without its bridge is refused', steps: [createPort('vr-00000000000a', 'br1')], holds: [], refused: 'unavailable' },
  {
    name: 'a port is moved to another bridge with its hairpin mode',
    steps: [...twoBridges, createPort('vr-00000000000a', 'br1'), setPort(port('vr-00000000000a', 'br2'))],
    holds: [br1, br2, 'vr-00000000000a in br2 hairpin up'],
  },
  {
    name: 'a port is set down, without hairpin',
    steps: [createBridge('br1'), createPort('vr-00000000000a', 'br1'), setPort(port('vr-00000000000a', 'br1', false, false))],
    holds: [br1, 'vr-00000000000a in br1'],
  },
  {
    name: 'a port is detached',
    steps: [createBridge('br1'), createPort('vr-00000000000a', 'br1'), setPort({ kind: 'port', name: 'vr-00000000000a', hairpin: false, mtu, up: true })],
    holds: [br1, 'vr-00000000000a up'],
  },
  { name: 'a port that is not there cannot be set', steps: [createBridge('br1'), setPort(port('vr-00000000000a', 'br1'))], holds: [br1], refused: 'unavailable' },
  { name: 'a deleted port is gone', steps: [createBridge('br1'), createPort('vr-00000000000a', 'br1'), deleteLink('vr-00000000000a')], holds: [br1] },
  {
    name: 'a deleted bridge takes what is on it along, and its ports stay',
    steps: [...twoBridges, createPort('vr-00000000000a', 'br1'), addAddress('10.0.0.1', 24), addRoute(segment('10.9.0.0/24')), setNeighbour('10.0.0.2'), deleteLink('br1')],
    holds: [br2, 'vr-00000000000a up'],
  },
  { name: 'a link that is not there is deleted', steps: [deleteLink('br1'), deleteLink('vr-00000000000a')], holds: [] },
  {
    name: 'a bridge that was deleted and made again within one apply can be used',
    steps: [createBridge('br1'), addAddress('10.0.0.1', 24), deleteLink('br1'), createBridge('br1'), addAddress('10.0.0.2', 24)],
    holds: [br1, 'br1 10.0.0.2/24'],
  },
  {
    name: 'addresses, added twice',
    steps: [createBridge('br1'), ...['10.0.0.1', '10.0.0.1'].map((text) => addAddress(text, 24)), ...['fd00::1', 'fd00::1'].map((text) => addAddress(text, 64))],
    holds: [br1, 'br1 10.0.0.1/24', 'br1 fd00::1/64'],
  },
  { name: 'an address without its link is refused', steps: [addAddress('10.0.0.1', 24)], holds: [], refused: 'unavailable' },
  {
    name: 'the first address of a subnet is deleted without the second',
    steps: [createBridge('br1'), addAddress('10.0.0.1', 24), addAddress('10.0.0.2', 24), deleteAddress('10.0.0.1', 24)],
    holds: [br1, 'br1 10.0.0.2/24'],
  },
  {
    name: 'the last IPv4 address of a link takes its IPv4 routes and neighbours along',
    steps: [
      createBridge('br1'),
      ...[addAddress('10.0.0.1', 24), addAddress('fd00::1', 64), addRoute(segment('10.9.0.0/24')), addRoute(segment('fd09::/64'))],
      ...[addRoute(service('10.0.0.9/32')), setNeighbour('10.0.0.2'), setNeighbour('fd00::2'), deleteAddress('10.0.0.1', 24)],
    ],
    holds: [br1, 'br1 fd00::1/64', 'segment fd09::/64 br1', 'service 10.0.0.9/32 lo', 'br1 fd00::2 02:02:0a:00:00:0a'],
  },
  {
    name: 'the last IPv6 address of a link goes alone',
    steps: [createBridge('br1'), addAddress('fd00::1', 64), addRoute(segment('fd09::/64')), setNeighbour('fd00::2'), deleteAddress('fd00::1', 64)],
    holds: [br1, 'segment fd09::/64 br1', 'br1 fd00::2 02:02:0a:00:00:0a'],
  },
  {
    name: 'an address that is not there is deleted',
    steps: [createBridge('br1'), addAddress('10.0.0.1', 24), deleteAddress('10.0.0.9', 24), deleteAddress('fd00::9', 64), deleteAddress('10.0.0.1', 24, 'br2')],
    holds: [br1, 'br1 10.0.0.1/24'],
  },
  {
    name: 'routes, added twice',
    steps: [createBridge('br1'), ...['10.9.0.0/24', 'fd09::/64'].flatMap((text) => [addRoute(segment(text)), addRoute(segment(text))]), ...['10.0.0.9/32', 'fd00::9/128'].flatMap((text) => [addRoute(service(text)), addRoute(service(text))])],
    holds: [br1, 'segment 10.9.0.0/24 br1', 'segment fd09::/64 br1', 'service 10.0.0.9/32 lo', 'service fd00::9/128 lo'],
  },
  {
    name: 'routes are deleted, and those that are not there',
    steps: [
      createBridge('br1'),
      ...[segment('10.9.0.0/24'), segment('fd09::/64'), service('10.0.0.9/32'), service('fd00::9/128')].flatMap((route) => [addRoute(route), deleteRoute(route), deleteRoute(route)]),
      deleteRoute(segment('10.9.0.0/24', 'br2')),
    ],
    holds: [br1],
  },
  {
    name: "the route that the kernel adds for a gateway's subnet is not ours to delete",
    steps: [createBridge('br1'), addAddress('10.0.0.1', 24), deleteRoute(segment('10.0.0.0/24'))],
    holds: [br1, 'br1 10.0.0.1/24'],
  },
  { name: 'a route to an absent link is refused', steps: [addRoute(segment('10.9.0.0/24'))], holds: [], refused: 'unavailable' },
  {
    name: 'a route to a link that is down is refused',
    steps: [createBridge('br1'), { action: 'setBridge', link: bridge('br1', mac1, false) }, addRoute(segment('10.9.0.0/24'))],
    holds: ['br1 02:01:00:00:00:01'],
    refused: 'unavailable',
  },
  {
    name: 'neighbours are made and changed',
    steps: [createBridge('br1'), setNeighbour('10.0.0.2'), setNeighbour('10.0.0.2', mac2), setNeighbour('fd00::2')],
    holds: [br1, 'br1 10.0.0.2 02:01:00:00:00:02', 'br1 fd00::2 02:02:0a:00:00:0a'],
  },
  {
    name: 'neighbours are deleted, and those that are not there',
    steps: [createBridge('br1'), setNeighbour('10.0.0.2'), deleteNeighbour('10.0.0.2'), deleteNeighbour('10.0.0.2'), deleteNeighbour('fd00::2'), deleteNeighbour('10.0.0.2', mac1, 'br2')],
    holds: [br1],
  },
  { name: 'a neighbour on an absent link is refused', steps: [setNeighbour('10.0.0.2')], holds: [], refused: 'unavailable' },
  { name: 'an uplink', steps: [createUplink(0)], holds: [uplink0] },
  { name: 'an uplink that exists is replaced', steps: [createUplink(0), addAddress('169.254.240.1', 31, 'uplink'), createUplink(1)], holds: ['uplink 02:03:00:00:01:01 to nu-1 02:03:00:00:01:00 up'] },
  {
    name: 'an uplink with its addresses, default routes and neighbours',
    steps: [
      createUplink(0),
      ...[addAddress('169.254.240.1', 31, 'uplink'), addAddress('fd6c::1', 127, 'uplink'), addRoute(defaultRoute('169.254.240.0')), addRoute(defaultRoute('fd6c::')), addRoute(defaultRoute('fd6c::'))],
      ...[setNeighbour('169.254.240.0', mac1, 'uplink'), setNeighbour('fd6c::', mac1, 'uplink')],
    ],
    holds: [
      ...[uplink0, 'uplink 169.254.240.1/31', 'uplink fd6c::1/127', 'default 0.0.0.0/0 uplink via 169.254.240.0', 'default ::/0 uplink via fd6c::'],
      ...['uplink 169.254.240.0 02:01:00:00:00:01', 'uplink fd6c:: 02:01:00:00:00:01'],
    ],
  },
  {
    name: 'default routes are deleted, and those that are not there',
    steps: [createUplink(0), addAddress('169.254.240.1', 31, 'uplink'), ...[0, 1, 2].map((step): FabricStep => ({ action: step === 0 ? 'addRoute' : 'deleteRoute', route: defaultRoute('169.254.240.0') }))],
    holds: [uplink0, 'uplink 169.254.240.1/31'],
  },
  { name: 'a default route to who is not on the link is refused', steps: [createUplink(0), addRoute(defaultRoute('169.254.240.0'))], holds: [uplink0], refused: 'unavailable' },
  {
    name: 'an uplink that goes down keeps its IPv4 addresses only, and up again it has got nothing back',
    steps: [
      createUplink(0),
      ...[addAddress('169.254.240.1', 31, 'uplink'), addAddress('fd6c::1', 127, 'uplink'), addRoute(defaultRoute('169.254.240.0')), addRoute(defaultRoute('fd6c::')), setNeighbour('169.254.240.0', mac1, 'uplink')],
      ...[false, true].map((up): FabricStep => ({ action: 'setUplink', link: { ...uplink(0), up } })),
    ],
    holds: [uplink0, 'uplink 169.254.240.1/31'],
  },
  { name: 'an uplink that is not there cannot be set', steps: [{ action: 'setUplink', link: uplink(0) }], holds: [], refused: 'unavailable' },
  { name: 'a VXLAN link', steps: overlay1, holds: [small1, vx1] },
  { name: 'one over IPv6, on another port', steps: [smallBridge, createVxlan(1, { local: IpAddress.parse('2001:db8::1'), port: 4790 })], holds: [small1, 'vx1 1 2001:db8::1 4790 in br1 mtu 1450 suppressing up'] },
  {
    name: 'one whose source is that of the route, with ways and broadcasts',
    steps: [smallBridge, createVxlan(1, { local: IpAddress.parse('::'), port: 4790 }), setFdb(way(peer.mac, 'fd00::2')), setFdb(flood('fd00::2'))],
    holds: [small1, 'vx1 1 :: 4790 in br1 mtu 1450 suppressing up', 'vx1 02:02:0a:00:00:0a to fd00::2 bridged', 'vx1 flood fd00::2'],
  },
  { name: 'a VXLAN link that exists is replaced', steps: [...overlay1, setFdb(flood('192.0.2.2')), createVxlan(1, { local: IpAddress.parse('192.0.2.9'), mtu: 8950 })], holds: [small1, 'vx1 1 192.0.2.9 4789 in br1 mtu 8950 suppressing up'] },
  { name: 'a VXLAN link without its bridge is refused', steps: [createVxlan(1)], holds: [], refused: 'unavailable' },
  { name: 'a VXLAN link with the number of another one is refused', steps: [smallBridge, createVxlan(1), createVxlan(2, { vni: 1, bridge: 'br1' })], holds: [small1, vx1], refused: 'unavailable' },
  { name: 'a VXLAN link that is not there cannot be set', steps: [smallBridge, { action: 'setVxlan', link: vxlan(1) }], holds: [small1], refused: 'unavailable' },
  { name: 'a deleted VXLAN link is gone with its entries', steps: [...overlay1, setFdb(way(peer.mac, '192.0.2.2')), deleteLink('vx1')], holds: [small1] },
  {
    name: 'a VXLAN link is set down, and keeps its entries',
    steps: [...overlay1, setFdb(way(peer.mac, '192.0.2.2')), setFdb(flood('192.0.2.2')), { action: 'setVxlan', link: vxlan(1, { up: false }) }],
    holds: [small1, 'vx1 1 192.0.2.1 4789 in br1 mtu 1450 suppressing', 'vx1 02:02:0a:00:00:0a to 192.0.2.2 bridged', 'vx1 flood 192.0.2.2'],
  },
  {
    name: 'a VXLAN link leaves its bridge, and with it what the bridge knew',
    steps: [...overlay1, setFdb(way(peer.mac, '192.0.2.2')), { action: 'setVxlan', link: detached(vxlan(1)) }],
    holds: [small1, 'vx1 1 192.0.2.1 4789 mtu 1450 up', 'vx1 02:02:0a:00:00:0a to 192.0.2.2'],
  },
  {
    name: 'so it does when the bridge is deleted, and it comes back with neither',
    steps: [...overlay1, setFdb(way(peer.mac, '192.0.2.2')), deleteLink('br1'), smallBridge, { action: 'setVxlan', link: vxlan(1) }],
    holds: [small1, vx1, 'vx1 02:02:0a:00:00:0a to 192.0.2.2'],
  },
  {
    name: 'the MTU of a bridge, a VXLAN link and a port',
    steps: [...overlay1, createPort('vr-00000000000a', 'br1'), ...['br1', 'vx1', 'vr-00000000000a'].map((name): FabricStep => ({ action: 'setMtu', name, mtu: 1400 }))],
    holds: [`${br1} mtu 1400`, vx1.replace('1450', '1400'), 'vr-00000000000a in br1 hairpin up mtu 1400'],
  },
  {
    name: 'ways to other hosts, changed and set twice',
    steps: [...overlay1, ...['192.0.2.2', '192.0.2.3', '192.0.2.3'].map((text) => setFdb(way(peer.mac, text))), setFdb(way(mac2, '192.0.2.2'))],
    holds: [small1, vx1, 'vx1 02:02:0a:00:00:0a to 192.0.2.3 bridged', 'vx1 02:01:00:00:00:02 to 192.0.2.2 bridged'],
  },
  {
    name: 'several hosts that get what has no way of its own',
    steps: [...overlay1, ...['192.0.2.2', '192.0.2.3', '192.0.2.2', '192.0.2.4'].map((text) => setFdb(flood(text))), deleteFdb(flood('192.0.2.3')), deleteFdb(flood('192.0.2.9'))],
    holds: [small1, vx1, 'vx1 flood 192.0.2.2', 'vx1 flood 192.0.2.4'],
  },
  {
    name: 'ways are deleted, and those that are not there',
    steps: [...overlay1, setFdb(way(peer.mac, '192.0.2.2')), deleteFdb(way(peer.mac, '192.0.2.2')), deleteFdb(way(peer.mac, '192.0.2.2')), deleteFdb(way(mac2, '192.0.2.2')), deleteFdb({ ...way(mac2, '192.0.2.2'), link: 'vx9' })],
    holds: [small1, vx1],
  },
  { name: 'a way over an absent link is refused', steps: [setFdb(way(mac2, '192.0.2.2'))], holds: [], refused: 'unavailable' },
  { name: 'the steps before a refused one are done, those after it are not', steps: [createBridge('br1'), setNeighbour('10.0.0.2', mac1, 'br9')], holds: [br1], refused: 'unavailable' },
];

/** What every implementation of Fabric does, in routers that it shares with `routers`. */
export async function fabricContract(t: Test, routers: Routers, fabric: Fabric): Promise<void> {
  for (const { name, steps, holds, refused } of cases) {
    await t.test(name, async (t) => {
      await routers.ensure('blue');
      t.teardown(() => routers.remove('blue'));
      const applied = fabric.apply('blue', refused ? [...steps, createBridge('br7')] : steps);
      await (refused ? t.rejects(applied, { name: 'NetctlError', code: refused }) : applied);
      const found = await fabric.read('blue');
      t.same(linesOf(found), [...holds].toSorted());
      t.same(await fabric.readLinks('blue'), found.links, 'links alone are the same');
    });
  }

  await t.test('without a router nothing can be read or applied', async (t) => {
    await t.rejects(fabric.read('nobody'), { code: 'unavailable' });
    await t.rejects(fabric.readLinks('nobody'), { code: 'unavailable' });
    await t.rejects(fabric.apply('nobody', []), { code: 'unavailable' });
  });

  await t.test('routers share nothing', async (t) => {
    t.teardown(() => Promise.all(['blue', 'red'].map((tenant) => routers.remove(tenant))));
    for (const tenant of ['blue', 'red']) await routers.ensure(tenant);
    await fabric.apply('blue', [createBridge('br1'), addAddress('10.0.0.1', 24)]);
    await fabric.apply('red', [createBridge('br1', mac2), addAddress('10.0.0.1', 24)]);
    t.same(linesOf(await fabric.read('blue')), [br1, 'br1 10.0.0.1/24']);
    t.same(linesOf(await fabric.read('red')), ['br1 02:01:00:00:00:02 up', 'br1 10.0.0.1/24'].toSorted());
  });

  await t.test('an uplink is taken from who has the end at the host', async (t) => {
    t.teardown(() => Promise.all(['blue', 'red'].map((tenant) => routers.remove(tenant))));
    for (const tenant of ['blue', 'red']) await routers.ensure(tenant);
    await fabric.apply('blue', [createUplink(0)]);
    await fabric.apply('red', [createUplink(0)]);
    t.same(linesOf(await fabric.read('blue')), []);
    t.same(linesOf(await fabric.read('red')), [uplink0]);
  });

  await t.test('two routers cannot have one VNI, until the one that has it is removed', async (t) => {
    t.teardown(() => Promise.all(['blue', 'red'].map((tenant) => routers.remove(tenant))));
    for (const tenant of ['blue', 'red']) await routers.ensure(tenant);
    await fabric.apply('blue', overlay1);
    await t.rejects(fabric.apply('red', overlay1), { code: 'unavailable', message: /^packet tag 1 is in use on this host by a VXLAN link on UDP port 4789 that is not netctl's: / });
    await routers.remove('blue');
    await fabric.apply('red', overlay1);
    t.same(linesOf(await fabric.read('red')), [small1, vx1]);
  });

  await t.test('a router that was removed and made again is empty', async (t) => {
    t.teardown(() => routers.remove('blue'));
    await routers.ensure('blue');
    await fabric.apply('blue', [createBridge('br1')]);
    await routers.remove('blue');
    await routers.ensure('blue');
    t.same(linesOf(await fabric.read('blue')), []);
  });
}

/** The items of a state, one line each, in alphabetical order. */
function linesOf(state: FabricState): string[] {
  return [
    ...[...state.links.values()].map(lineOf),
    ...[...state.addresses.values()].map(addressKey),
    ...[...state.routes.values()].map(routeKey),
    ...[...state.neighbours.values()].map((item) => `${neighbourKey(item)} ${item.mac.text}`),
    ...[...state.fdb.values()].map(entryLine),
  ].toSorted();
}

/** The MTU is told where it is not {@link mtu}. */
function lineOf(link: FabricLink): string {
  const up = link.up ? ['up'] : [];
  if (link.kind === 'uplink') return [link.name, link.mac.text, ...(link.peer ? ['to', link.peer.name, link.peer.mac.text] : []), ...up].join(' ');
  const size = link.mtu === mtu ? [] : ['mtu', link.mtu];
  if (link.kind === 'bridge') return [link.name, link.mac.text, ...up, ...size, ...(link.netfilter ? ['netfilter'] : [])].join(' ');
  const master = link.bridge === undefined ? [] : ['in', link.bridge];
  if (link.kind === 'vxlan') return [link.name, link.vni, link.local.toString(), link.port, ...master, ...size, ...(link.suppressing ? ['suppressing'] : []), ...up].join(' ');
  return [link.name, ...master, ...(link.hairpin ? ['hairpin'] : []), ...up, ...size].join(' ');
}

function entryLine(entry: FdbState): string {
  if (entry.kind === 'flood') return fdbKey(entry);
  return [fdbKey(entry), ...(entry.destination ? ['to', entry.destination.toString()] : []), ...(entry.bridged ? ['bridged'] : [])].join(' ');
}
