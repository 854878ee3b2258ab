import fc from 'fast-check';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import type { Algorithm, ServicePort } from '../../../src/model/service.js';
import type { NatInput, NatNetwork, NatProvider, NatService } from '../../../src/nat/input.js';

export const ip = (text: string): IpAddress => IpAddress.parse(text);

/** `80:8080/tcp` */
export function servicePort(text: string): ServicePort {
  const [, port, targetPort, protocol] = /^(\d+):(\d+)\/(tcp|udp)$/.exec(text) ?? [];
  return { port: Number(port), targetPort: Number(targetPort), protocol: protocol === 'udp' ? 'udp' : 'tcp' };
}

/** Providers of one address each. */
export function service(addresses: string | readonly string[], ports: readonly string[], providers: readonly string[]): NatService {
  return {
    addresses: [addresses].flat().map(ip),
    ports: ports.map(servicePort),
    providers: providers.map((address) => ({ addresses: [ip(address)] })),
  };
}

export function network(bridge: string, ...subnets: readonly (readonly [prefix: string, gateway?: string])[]): NatNetwork {
  const [ipv4, ipv6] = ([4, 6] as const).map((family) =>
    subnets
      .map(([prefix, gateway]) => ({ prefix: Prefix.parse(prefix), ...(gateway === undefined ? {} : { gateway: ip(gateway) }) }))
      .find(({ prefix }) => prefix.family === family),
  );
  return { bridge, ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) };
}

const natNetwork = (index: number): fc.Arbitrary<NatNetwork> =>
  fc.record({ gateway: fc.boolean(), subnets: fc.constantFrom('4', '6', '46'), outward: fc.boolean(), fromHost: fc.boolean() }).map(({ gateway, subnets, ...ways }) => ({
    ...ways,
    ...network(
      `br${index}`,
      ...[...subnets].map((family): [string, string?] => {
        const [prefix, address] = family === '4' ? [`10.${index}.0.0/24`, `10.${index}.0.254`] : [`2001:db8:${index}::/64`, `2001:db8:${index}::fe`];
        return gateway ? [prefix, address] : [prefix];
      }),
    ),
  }));

const families = fc.constantFrom([4], [6], [4, 6]);

/** The last part of an address: nft and RFC 5952 write some IPv6 addresses differently, and those are among them. */
function addressesAt(network: number, host: number, of: readonly number[]): IpAddress[] {
  const texts = { 4: `10.${network}.0.${host}`, 6: `2001:db8:${network}:0:1:0:0:${host.toString(16)}` };
  return of.map((family) => ip(texts[family === 4 ? 4 : 6]));
}

const provider: fc.Arbitrary<NatProvider> = fc
  .record({ network: fc.integer({ min: 0, max: 3 }), host: fc.integer({ min: 1, max: 4 }), families, group: fc.constantFrom(undefined, 0, 1), isElsewhere: fc.boolean(), preferred: fc.boolean() })
  .map(({ network, host, families, group, isElsewhere, preferred }) => ({
    addresses: addressesAt(network, host, families),
    ...(isElsewhere ? { aliases: addressesAt(5, host, families) } : {}),
    ...(group === undefined ? {} : { group }),
    ...(preferred ? { preferred } : {}),
  }));

const port: fc.Arbitrary<ServicePort> = fc.record({
  protocol: fc.constantFrom('tcp', 'udp'),
  port: fc.constantFrom(53, 80, 443),
  targetPort: fc.constantFrom(80, 8080, 65535),
});

const natService = (index: number): fc.Arbitrary<NatService> =>
  fc
    .record({
      network: fc.integer({ min: 0, max: 3 }),
      families,
      ports: fc.uniqueArray(port, { maxLength: 3, selector: ({ protocol, port }) => `${protocol} ${port}` }),
      // A provider may be listed twice, as when it has two networks: it counts once.
      providers: fc.array(provider, { maxLength: 6 }),
      draining: fc.array(provider, { maxLength: 2 }),
      // Seldom by source: that has a thousand slots.
      algorithm: fc.oneof({ arbitrary: fc.constantFrom<Algorithm[]>('roundrobin', 'random'), weight: 20 }, { arbitrary: fc.constant<Algorithm>('source'), weight: 1 }),
      weights: fc.constantFrom([], [], [10, 20], [0, 100], [33, 0]),
    })
    .map(({ network, families, ...rest }) => ({ addresses: addressesAt(network, 100 + index, families), ...rest }));

const someOf = <T>(arbitraries: readonly fc.Arbitrary<T>[]): fc.Arbitrary<T[]> =>
  fc.tuple(...arbitraries.map((arbitrary) => fc.option(arbitrary, { nil: undefined }))).map((items) => items.filter((item) => item !== undefined));

/** A tenant's networks and services; some providers are in no network, and some networks have no gateway. */
export const natInput: fc.Arbitrary<NatInput> = fc.record({
  networks: someOf([0, 1, 2].map(natNetwork)),
  services: someOf([0, 1, 2, 3, 4].map(natService)),
});

/** The same input with its lists in other orders. */
export function shuffled(input: NatInput): fc.Arbitrary<NatInput> {
  const anyOrder = <T>(items: readonly T[]): fc.Arbitrary<T[]> => fc.shuffledSubarray([...items], { minLength: items.length });
  const services = fc.tuple(
    ...input.services.map((service) =>
      fc.record({ addresses: anyOrder(service.addresses), ports: anyOrder(service.ports), providers: anyOrder(service.providers) }).map((orders) => ({ ...service, ...orders })),
    ),
  );
  return fc.record({ networks: anyOrder(input.networks), services: services.chain(anyOrder) });
}
