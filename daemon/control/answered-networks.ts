import type { Endpoint } from '../../src/model/endpoint.js';
import type { IpAddress } from '../../src/model/address.js';
import { Counts } from '../../src/nat/counts.js';
import { exchanged } from '../../src/nat/exchanged.js';
import type { NatService } from '../../src/nat/input.js';

/** The addresses of all providers, and of those that drain. Of services that are the same objects as before nothing is asked. */
export class AnsweringAddresses {
  private services: ReadonlySet<NatService> = new Set();
  private readonly counts = new Counts<IpAddress>();

  update(services: readonly NatService[]): this {
    const { gone, come } = exchanged(this.services, services);
    this.counts.change(gone.flatMap(answeringIn), come.flatMap(answeringIn));
    this.services = new Set(services);
    return this;
  }

  has(address: IpAddress): boolean {
    return this.counts.has(address.toString());
  }
}

function answeringIn({ providers, draining = [] }: NatService): [string, IpAddress][] {
  return [...providers, ...draining].flatMap(({ addresses }) => addresses.map((address): [string, IpAddress] => [address.toString(), address]));
}

/**
 * The names of the networks in which answers to clients on this host, of services and of published ports, may go from port to port of a
 * bridge: those of all providers, on other hosts, too, and of those that drain; and those in which their containers are
 * besides, as an answer takes the shortest way to the client. Who is in one container is told by its sandbox, which is known
 * before the container has its link, while Docker tells of its networks later.
 * @param endpoints all of the tenant, wherever they are
 */
export function answeredNetworks(endpoints: readonly Endpoint[], answering: AnsweringAddresses): Set<string> {
  const providing = endpoints.filter(({ addresses }) => addresses.some((address) => answering.has(address)));
  const sandboxes = new Set(providing.flatMap(sandboxOf));
  const beside = endpoints.filter((endpoint) => sandboxOf(endpoint).some((sandbox) => sandboxes.has(sandbox)));
  return new Set([...providing, ...beside].map(({ network }) => network));
}

/** Sandboxes of two hosts may have one name. */
function sandboxOf({ host, sandboxKey }: Endpoint): string[] {
  return sandboxKey === undefined ? [] : [`${host} ${sandboxKey}`];
}
