import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { IpAddress, Prefix } from '../../src/model/address.js';
import type { NatNetwork, NatService } from '../../src/nat/input.js';
import { planNat } from '../../src/nat/plan.js';
import type { BenchService } from '../peers/service.js';
import { clientLink, serverLink, type Site } from './site.js';

/** The rules that netctl plans for these services, in the router of a site: what they cost, without all else that is in a router of netctl's. */
export async function loadNetctlRules({ routerPath, servers }: Site, services: readonly BenchService[]): Promise<void> {
  const networks = [network(clientLink, 0), ...servers.map((_, server) => network(serverLink(server), server + 1))];
  await new KernelNftables(() => routerPath).replace('bench', planNat({ networks, services: services.map(asPlanned) }));
}

function network(link: string, number: number): NatNetwork {
  return { bridge: link, ipv4: { prefix: Prefix.parse(`10.80.${number}.0/24`), gateway: IpAddress.parse(`10.80.${number}.1`) } };
}

function asPlanned({ address, port, providers }: BenchService): NatService {
  return {
    addresses: [IpAddress.parse(address)],
    ports: [{ port, targetPort: providers[0]?.port ?? port, protocol: 'tcp' }],
    providers: providers.map((provider) => ({ addresses: [IpAddress.parse(provider.address)] })),
  };
}
