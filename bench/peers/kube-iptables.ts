import type { BenchService } from './service.js';

/**
 * Rules for iptables-restore in the shape of kube-proxy's mode `iptables`: one chain in which a rule for each service is tried after the other, a chain for
 * each service in which rules with a probability stand for its endpoints, and a chain for each endpoint. Chains of node ports and external addresses are there with nothing in them.
 */
export function kubeIptables(services: readonly BenchService[]): string {
  const all = services.map((service, number) => ({ service, number }));
  return `*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
-A FORWARD -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
${all.map(declarations).join('')}-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
${all.map(rules).join('')}-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
`;
}

interface Numbered {
  readonly service: BenchService;
  readonly number: number;
}

const serviceChain = (number: number): string => `KUBE-SVC-${number}`;
const endpointChain = (number: number, provider: number): string => `KUBE-SEP-${number}-${provider}`;

function declarations({ service, number }: Numbered): string {
  return [serviceChain(number), ...service.providers.map((_, index) => endpointChain(number, index))].map((chain) => `:${chain} - [0:0]\n`).join('');
}

function rules({ service: { address, port, providers }, number }: Numbered): string {
  return [
    `-A KUBE-SERVICES -d ${address}/32 -p tcp -m tcp --dport ${port} -j ${serviceChain(number)}`,
    ...providers.map((_, index) => `-A ${serviceChain(number)}${chance(providers.length - index)} -j ${endpointChain(number, index)}`),
    ...providers.flatMap((provider, index) => [
      `-A ${endpointChain(number, index)} -s ${provider.address}/32 -j KUBE-MARK-MASQ`,
      `-A ${endpointChain(number, index)} -p tcp -m tcp -j DNAT --to-destination ${provider.address}:${provider.port}`,
    ]),
  ]
    .map((rule) => `${rule}\n`)
    .join('');
}

/** One of those that are left; the last one takes what comes to it. */
function chance(left: number): string {
  return left === 1 ? '' : ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}`;
}
