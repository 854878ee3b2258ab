import type { Endpoint } from '../../src/model/endpoint.js';
import type { NatInput } from '../../src/nat/input.js';

/**
 * The names of the networks in which answers to clients on this host, of services and of published ports, may go from port to port of a
 * bridge: those of all providers, on other hosts, too, and of those that drain; and those in which their containers are
 * besides, as an answer takes the shortest way to the client. Who is in one container is told by its sandbox, which is known
 * before the container has its link, while Docker tells of its networks later.
 * @param endpoints all of the tenant, wherever they are
 */
export function answeredNetworks(endpoints: readonly Endpoint[], { services }: Pick<NatInput, 'services'>): Set<string> {
  const addresses = new Set(services.flatMap(({ providers, draining = [] }) => [...providers, ...draining]).flatMap((provider) => provider.addresses.map((address) => address.toString())));
  const providing = endpoints.filter((endpoint) => endpoint.addresses.some((address) => addresses.has(address.toString())));
  const sandboxes = new Set(providing.flatMap(sandboxOf));
  const beside = endpoints.filter((endpoint) => sandboxOf(endpoint).some((sandbox) => sandboxes.has(sandbox)));
  return new Set([...providing, ...beside].map(({ network }) => network));
}

/** Sandboxes of two hosts may have one name. */
function sandboxOf({ host, sandboxKey }: Endpoint): string[] {
  return sandboxKey === undefined ? [] : [`${host} ${sandboxKey}`];
}
