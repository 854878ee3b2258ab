import type { Protocol } from '../../../src/model/service.js';
import type { NatInput } from '../../../src/nat/input.js';
import { network, service } from './arbitraries.js';

// One tenant, and what its containers must see of its services. The packet tracer is asked, and so is
// the kernel, with the same expectations.

/** Containers by name; each is in the network with its VNI. */
export const hosts = {
  a1: { vni: 1, addresses: ['10.1.0.1', '2001:db8:1::1'] },
  a2: { vni: 1, addresses: ['10.1.0.2', '2001:db8:1::2'] },
  a9: { vni: 1, addresses: ['10.1.0.9', '2001:db8:1::9'] },
  b1: { vni: 2, addresses: ['10.2.0.1'] },
  b9: { vni: 2, addresses: ['10.2.0.9', '2001:db8:2::9'] },
  c1: { vni: 3, addresses: ['10.3.0.1'] },
  c9: { vni: 3, addresses: ['10.3.0.9'] },
} as const;
export type Host = keyof typeof hosts;

/** Every container serves these, and says who it is and whom it sees. */
export const served: readonly { readonly protocol: Protocol; readonly port: number }[] = [
  { protocol: 'tcp', port: 8080 },
  { protocol: 'udp', port: 5353 },
];

const both = ['80:8080/tcp', '53:5353/udp'];

/** Network 3 has no gateway. The services: web and shop alike in their number of providers, one of three, one of none, and some of one. */
export const input: NatInput = {
  networks: [
    network('br1', ['10.1.0.0/24', '10.1.0.254'], ['2001:db8:1::/64', '2001:db8:1::fe']),
    network('br2', ['10.2.0.0/24', '10.2.0.254'], ['2001:db8:2::/64', '2001:db8:2::fe']),
    network('br3', ['10.3.0.0/24']),
  ],
  services: [
    service(['10.1.0.100', '2001:db8:1::100'], both, ['10.1.0.1', '10.1.0.2', '2001:db8:1::1', '2001:db8:1::2']),
    service('10.1.0.101', both, ['10.1.0.1', '10.2.0.1']),
    service('10.1.0.102', both, ['10.1.0.1', '10.1.0.2', '10.2.0.1']),
    service('10.1.0.103', both, []),
    service(['10.1.0.104', '2001:db8:2::104'], both, ['10.1.0.1', '2001:db8:1::1']),
    service('10.3.0.105', both, ['10.3.0.1']),
  ],
};
export const web = '10.1.0.100';
export const shop = '10.1.0.101';
export const triple = '10.1.0.102';
export const deserted = '10.1.0.103';
export const single = '10.1.0.104';
export const remote = '10.3.0.105';
export const web6 = '2001:db8:1::100';
const single6 = '2001:db8:2::104';

/** A new connection, and who answers and whom that one sees; or `refused` at once; or `silence`. */
export type Step = readonly [from: Host, protocol: Protocol, to: string, port: number, answer: string];

export const scenario: readonly { readonly name: string; readonly steps: readonly Step[] }[] = [
  {
    name: 'a client in another network, in turn, and seen by its own address',
    steps: [
      ['b9', 'tcp', web, 80, 'a1 10.2.0.9'],
      ['b9', 'tcp', web, 80, 'a2 10.2.0.9'],
      ['b9', 'tcp', web, 80, 'a1 10.2.0.9'],
      ['b9', 'tcp', web, 80, 'a2 10.2.0.9'],
    ],
  },
  {
    name: 'UDP alike, with turns of its own',
    steps: [
      ['b9', 'udp', web, 53, 'a1 10.2.0.9'],
      ['b9', 'tcp', web, 80, 'a1 10.2.0.9'],
      ['b9', 'udp', web, 53, 'a2 10.2.0.9'],
      ['b9', 'udp', web, 53, 'a1 10.2.0.9'],
    ],
  },
  {
    name: 'two services with as many providers, called alternately, do not take turns from each other',
    steps: [
      ['b9', 'tcp', web, 80, 'a1 10.2.0.9'],
      ['b9', 'tcp', shop, 80, 'a1 10.2.0.9'],
      ['b9', 'tcp', web, 80, 'a2 10.2.0.9'],
      ['b9', 'tcp', shop, 80, 'b1 10.2.0.9'],
      ['b9', 'tcp', web, 80, 'a1 10.2.0.9'],
      ['b9', 'tcp', shop, 80, 'a1 10.2.0.9'],
    ],
  },
  {
    name: "a client in the providers' network",
    steps: [
      ['a9', 'tcp', web, 80, 'a1 10.1.0.9'],
      ['a9', 'tcp', web, 80, 'a2 10.1.0.9'],
      ['a9', 'udp', web, 53, 'a1 10.1.0.9'],
      ['a9', 'udp', web, 53, 'a2 10.1.0.9'],
      ['a9', 'tcp', triple, 80, 'a1 10.1.0.9'],
      ['a9', 'tcp', triple, 80, 'a2 10.1.0.9'],
      ['a9', 'tcp', triple, 80, 'b1 10.1.0.9'],
    ],
  },
  {
    name: 'a provider calls its own service, and is seen by the address of its gateway',
    steps: [
      ['a1', 'tcp', single, 80, 'a1 10.1.0.254'],
      ['a1', 'udp', single, 53, 'a1 10.1.0.254'],
      ['a1', 'tcp', web, 80, 'a1 10.1.0.254'],
      ['a1', 'tcp', web, 80, 'a2 10.1.0.1'],
    ],
  },
  {
    name: 'without a gateway: within the network, and by the service IP',
    steps: [
      ['c9', 'tcp', remote, 80, 'c1 10.3.0.9'],
      ['c9', 'udp', remote, 53, 'c1 10.3.0.9'],
      ['c1', 'tcp', remote, 80, 'c1 10.3.0.105'],
      ['c1', 'udp', remote, 53, 'c1 10.3.0.105'],
    ],
  },
  { name: 'a provider without a gateway cannot answer another network', steps: [['b9', 'tcp', remote, 80, 'silence']] },
  {
    name: 'no provider, and no such port',
    steps: (['b9', 'a9', 'a1'] as const).flatMap((from): Step[] => [
      [from, 'tcp', deserted, 80, 'refused'],
      [from, 'udp', deserted, 53, 'refused'],
      [from, 'tcp', web, 81, 'refused'],
      [from, 'udp', web, 80, 'refused'],
      [from, 'tcp', web, 53, 'refused'],
    ]),
  },
  {
    name: 'networks are kept apart, and within a network nothing is',
    steps: [
      ['b9', 'tcp', '10.1.0.1', 8080, 'silence'],
      ['b9', 'udp', '10.1.0.1', 5353, 'silence'],
      ['a9', 'tcp', '10.1.0.1', 8080, 'a1 10.1.0.9'],
      ['a9', 'udp', '10.1.0.1', 5353, 'a1 10.1.0.9'],
      ['b9', 'tcp', '2001:db8:1::1', 8080, 'silence'],
      ['a9', 'tcp', '2001:db8:1::1', 8080, 'a1 2001:db8:1::9'],
    ],
  },
  {
    name: 'nothing listens in the router',
    steps: [
      ['b9', 'tcp', '10.2.0.254', 80, 'refused'],
      ['b9', 'tcp', '10.1.0.254', 80, 'refused'],
    ],
  },
  {
    name: 'IPv6',
    steps: [
      ['b9', 'tcp', web6, 80, 'a1 2001:db8:2::9'],
      ['b9', 'tcp', web6, 80, 'a2 2001:db8:2::9'],
      ['b9', 'udp', web6, 53, 'a1 2001:db8:2::9'],
      ['b9', 'tcp', web6, 81, 'refused'],
      ['b9', 'udp', web6, 81, 'refused'],
      ['a1', 'tcp', single6, 80, 'a1 2001:db8:1::fe'],
    ],
  },
];
