import type { BenchService } from './service.js';

/**
 * Rules for nft in the shape of kube-proxy's mode `nftables`: a map leads from the service to a chain of its own, which picks one of the chains of its
 * endpoints. What serves node ports, firewalls and external addresses is there with nothing in it.
 */
export function kubeNftables(services: readonly BenchService[]): string {
  return `table ip kube-proxy {
  set cluster-ips { type ipv4_addr; }
  set nodeport-ips { type ipv4_addr; }
  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  map service-nodeports { type inet_proto . inet_service : verdict; }
  map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
  map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  chain mark-for-masquerade { meta mark set meta mark | 0x4000; }
${services.map(serviceChains).join('')}  chain services {
    ip daddr . meta l4proto . th dport vmap @service-ips
    ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  }
  chain masquerading {
    meta mark & 0x4000 == 0 return
    meta mark set meta mark ^ 0x4000
    masquerade fully-random
  }
  chain cluster-ips-check { ip daddr @cluster-ips reject; }
  chain firewall-check { ip daddr . meta l4proto . th dport vmap @firewall-ips; }
  chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
  chain filter-prerouting-pre-dnat {
    type filter hook prerouting priority -110;
    ct state new jump firewall-check
  }
  chain filter-forward {
    type filter hook forward priority -110;
    ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }
  chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain nat-postrouting { type nat hook postrouting priority 100; jump masquerading; }
}
${services.map(serviceElements).join('')}`;
}

const serviceChain = ({ address, port }: BenchService): string => `service-${address.replaceAll('.', '-')}-${port}`;
const endpointChain = (service: BenchService, provider: number): string => `endpoint-${provider}-${serviceChain(service)}`;

/** Chains are declared before others lead to them. */
function serviceChains(service: BenchService): string {
  const endpoints = service.providers.map(
    ({ address, port }, index) => `  chain ${endpointChain(service, index)} {
    ip saddr ${address} jump mark-for-masquerade
    meta l4proto tcp dnat to ${address}:${port}
  }
`,
  );
  const picked = service.providers.map((_, index) => `${index} : goto ${endpointChain(service, index)}`);
  return `${endpoints.join('')}  chain ${serviceChain(service)} { numgen random mod ${picked.length} vmap { ${picked.join(', ')} }; }
`;
}

function serviceElements(service: BenchService): string {
  const { address, port } = service;
  return `add element ip kube-proxy cluster-ips { ${address} }
add element ip kube-proxy service-ips { ${address} . tcp . ${port} : goto ${serviceChain(service)} }
`;
}
