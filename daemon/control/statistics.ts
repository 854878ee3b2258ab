import type { Service } from '../../src/model/service.js';
import { byServiceIp, tallyService, type Answering } from '../../src/stats/tally.js';
import type { Kernel } from '../kernel/port.js';
import type { AllContainers } from './all-containers.js';
import type { ServiceStatsView } from './operations.js';
import type { Providers } from './providers.js';
import type { State } from './state.js';

interface Parts {
  readonly state: State;
  readonly providers: Providers;
  readonly containers: Pick<AllContainers, 'ofEndpoint'>;
  readonly kernel: Pick<Kernel, 'nftables' | 'conntrack'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What services have had of traffic, as the kernel has counted it. */
export class Statistics {
  constructor(private readonly parts: Parts) {}

  /**
   * One reading of the kernel for all of the services, which are one tenant's.
   * @throws NetctlError if the tenant's router cannot be read.
   */
  async read(tenant: string, services: readonly Service[]): Promise<ServiceStatsView[]> {
    if (services.length === 0) return [];
    const { state, providers, containers, kernel, now } = this.parts;
    const [traffic, flows] = await Promise.all([kernel.nftables.traffic(tenant), kernel.conntrack.list(tenant)]);
    const at = now();
    const membership = providers.membership(tenant);
    const endpoints = new Map(state.endpoints.of(tenant).flatMap((endpoint) => endpoint.addresses.map((address) => [address.toString(), endpoint] as const)));
    const readings = byServiceIp({ traffic, flows });
    return services.map((service) => {
      const answering = providers.candidates(service, membership).flatMap((choice): Answering[] => {
        const draining = !choice.provider && choice.draining;
        return choice.endpoint && (choice.provider || draining) ? [{ endpoint: choice.endpoint, draining }] : [];
      });
      return { service, at, ports: tallyService(service, answering, endpoints, readings), containerOf: ({ id }) => containers.ofEndpoint(id) };
    });
  }
}
