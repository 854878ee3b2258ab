import fc from 'fast-check';
import { defaultUplinkRanges, uplinkLink } from '../../../src/fabric/uplink.js';
import type { HostInput, HostPublication, HostUplink } from '../../../src/host/input.js';
import type { HostState, HostStep } from '../../../src/host/state.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';

// Small ranges, so that two inputs have much in common and differ in every way.

const subnets = fc.subarray(['10.1.0.0/24', '10.2.0.0/16', 'fd00:1::/64'].map((text) => Prefix.parse(text)));

const publications: fc.Arbitrary<HostPublication[]> = fc.subarray([
  { protocol: 'tcp', hostPort: 80, routerPort: 1, families: [4, 6] },
  { protocol: 'udp', hostPort: 80, routerPort: 1, families: [4] },
  { protocol: 'tcp', hostPort: 81, routerPort: 2, families: [4, 6], hostIp: IpAddress.parse('127.0.0.1') },
  { protocol: 'tcp', hostPort: 81, routerPort: 3, families: [6], hostIp: IpAddress.parse('::1') },
]);

function uplink(index: number): fc.Arbitrary<HostUplink> {
  return fc.record({ subnets, reaches: fc.boolean(), publications }).map(({ subnets, reaches, publications }) => ({
    link: uplinkLink({ host: 'h1', tenant: `t${index}`, index }, defaultUplinkRanges),
    subnets,
    reachable: reaches ? subnets : [],
    // A port of the host is published once.
    publications: publications.map((publication) => ({ ...publication, hostPort: publication.hostPort + 100 * index })),
  }));
}

const overlay = fc.subarray(['192.0.2.1', '192.0.2.2', '2001:db8::1']).map((texts) => ({ port: 4789, encryptedPort: 4790, hosts: texts.map((text) => IpAddress.parse(text)) }));

export const hostInput: fc.Arbitrary<HostInput> = fc
  .tuple(fc.subarray([0, 1, 2]).chain((indexes) => fc.tuple(...indexes.map(uplink))), fc.option(overlay))
  .map(([uplinks, others]) => ({ uplinks, ...(others ? { overlay: others } : {}) }));

/** What people do to the host behind the daemon's back: each item of the state disturbed, or not. */
export function disturbances(state: HostState): fc.Arbitrary<HostStep[]> {
  return fc.subarray([
    ...[...state.links.values()].flatMap((link): HostStep[] => [{ action: 'setLink', link: { ...link, up: false } }, { action: 'setLink', link: { ...link, mac: Mac.parse('02:00:00:00:00:01') } }]),
    ...[...state.routes.values()].map((route): HostStep => ({ action: 'deleteRoute', route })),
    ...[...state.addresses.values()].map((address): HostStep => ({ action: 'deleteAddress', address })),
    ...[...state.neighbours.values()].flatMap((neighbour): HostStep[] => [{ action: 'setNeighbour', neighbour: { ...neighbour, mac: Mac.parse('02:00:00:00:00:01') } }, { action: 'deleteNeighbour', neighbour }]),
    ...[...state.settings].map(([path, value]): HostStep => ({ action: 'setSetting', path, value: value === '0' ? '1' : '0' })),
    ...[...state.accepts.keys()].map((accept): HostStep => ({ action: 'setAccept', accept, present: false })),
    { action: 'setRules', text: '' },
    { action: 'deleteRules' },
    ...[...state.links.keys()].map((name): HostStep => ({ action: 'deleteLink', name })),
  ]);
}
