import type { BenchService } from '../peers/service.js';
import type { Suite } from '../suite.js';
import { acceptConnections, untilAnswered } from '../support/connections.js';
import { Lab } from '../support/lab.js';
import { loadNetctlRules } from '../support/netctl-rules.js';
import { bridgedAddress, bridgedContainers, neighbourOf, netctlService, publishedContainers } from '../support/one-host.js';
import { balanceBy, haproxyPeer, kubeIptablesPeer, kubeNftablesPeer, nftlbPeer, nginxPeer, peerVersions, type Balance } from '../support/peers.js';
import { makeSite, serverAddress, serviceAddress } from '../support/site.js';
import type { Space } from '../support/space.js';
import { connectExperiment, type ConnectWay } from '../support/way.js';

type Teardown = (work: () => Promise<unknown>) => void;

const [serverPort, servicePort] = [8000, 80];
const octets = ['a', 'b', 'c', 'd'];
const service: BenchService = {
  address: serviceAddress,
  port: servicePort,
  providers: octets.map((_, server) => ({ address: serverAddress(server), port: serverPort })),
};

/** Those for whom there is a place like the reference's, and what they put into its router. */
const peers: readonly (readonly [contender: string, site: string, balance: Balance])[] = [
  ['netctl, routed', 'rules', (site) => loadNetctlRules(site, [service])],
  ['kube-proxy nftables', 'nft', balanceBy(kubeNftablesPeer)],
  ['kube-proxy iptables', 'ipt', balanceBy(kubeIptablesPeer)],
  ['nftlb', 'nftlb', balanceBy(nftlbPeer)],
  ['haproxy', 'haproxy', balanceBy(haproxyPeer())],
  ['nginx', 'nginx', balanceBy(nginxPeer)],
];

/** New connections to four servers, against no balancing at all and against all others who balance. */
export const connect: Suite = {
  name: 'connect',
  title: 'New connections: netctl against every peer',
  programs: [['dockerd', '--version'], ['nft', '--version'], ['iptables', '--version'], ['ip', '-V'], ...peerVersions],
  async prepare(teardown) {
    const ways = new Map<string, ConnectWay>([['direct', await directWay('direct', teardown)]]);
    ways.set('direct, tracked', await directWay('tracked', teardown, trackConnections));
    for (const [contender, way] of await labWays(teardown)) ways.set(contender, way);
    for (const [contender, site, balance] of peers) ways.set(contender, await balancedWay(site, balance, teardown));
    for (const { client, targets } of ways.values()) await untilAnswered(client, targets, octets.length);
    return {
      contenders: {
        direct: 'from a client through a router to four servers, each in a namespace of its own and with a veth pair of its own to the router, in which there is no rule; the client calls the servers in turn',
        'direct, tracked': 'the same, with a rule in the router that makes it track connections: what all those pay who translate addresses in the kernel',
        netctl: 'a service on a Docker host with netctld: the client is a container in one network, the servers are four containers in another, and what is between is the router that netctl made, with a bridge for each network',
        'docker, direct': "four containers and a client on one bridge network of Docker's own on that host: the client calls the containers' own addresses in turn, as it would without netctl",
        'netctl, one network': 'the same service of netctl, and a client in the network in which the servers are: what calling a service costs in the place of calling containers by their addresses',
        docker: "four containers on the bridge of Docker's own on that host, each with a published port, which a client outside of the host calls in turn: there is no balancing",
        'netctl, routed': 'the rules that netctl plans for such a service, in the place of the reference: what they cost, as those of the next three',
        'kube-proxy nftables': 'nftables rules in the shape of kube-proxy (mode nftables) for the service, there',
        'kube-proxy iptables': "iptables rules in the shape of kube-proxy (mode iptables) for the service, there, by Debian's iptables",
        nftlb: 'a farm of nftlb (mode dnat, scheduler rr), there',
        haproxy: 'HAProxy as a proxy of TCP, there; it may use all processors',
        nginx: 'nginx with its module stream, there; it may use all processors',
      },
      experiments: [
        connectExperiment('New TCP connections', ways, {
          goals: { netctl: 0.95 },
          rivalries: [
            ...['haproxy', 'nginx'].map((rival) => ({ contender: 'netctl', rival, goal: 1 })),
            { contender: 'netctl', rival: 'docker', goal: 0.97 },
            { contender: 'netctl, one network', rival: 'docker, direct', goal: 0.95 },
            ...['kube-proxy nftables', 'kube-proxy iptables', 'nftlb'].map((rival) => ({ contender: 'netctl, routed', rival, goal: 0.97 })),
          ],
        }),
      ],
    };
  },
};

async function directWay(name: string, teardown: Teardown, prepareRouter: (router: Space) => Promise<unknown> = () => Promise.resolve()): Promise<ConnectWay> {
  const { client, router, servers } = await makeSite(name, octets.length, teardown);
  await prepareRouter(router);
  await serve(servers, teardown);
  return { client, targets: servers.map((_, server) => `${serverAddress(server)}:${serverPort}`), behind: servers };
}

/** The kernel tracks connections where a rule asks for their state. */
function trackConnections(router: Space): Promise<string> {
  return router.run(['nft', 'add table ip bench; add chain ip bench forward { type filter hook forward priority 0; }; add rule ip bench forward ct state established accept']);
}

async function balancedWay(name: string, balance: Balance, teardown: Teardown): Promise<ConnectWay> {
  const site = await makeSite(name, octets.length, teardown);
  await serve(site.servers, teardown);
  await balance(site, [service], teardown);
  return { client: site.client, targets: [`${service.address}:${service.port}`], behind: [site.router, ...site.servers] };
}

async function labWays(teardown: Teardown): Promise<[string, ConnectWay][]> {
  const lab = new Lab(1);
  teardown(() => lab.down());
  await lab.up();
  const { client, servers, address } = await netctlService(lab, octets.length, [`${servicePort}:${serverPort}:tcp`]);
  await serve(servers, teardown);
  const targets = [`${address}:${servicePort}`];
  const bridged = await bridgedContainers(lab, octets.length);
  await serve(bridged.servers, teardown);
  const published = await publishedContainers(lab, octets.length, serverPort, teardown);
  await serve(published.servers, teardown);
  return [
    ['netctl', { client, targets, behind: servers }],
    ['netctl, one network', { client: await neighbourOf(lab), targets, behind: servers }],
    ['docker, direct', { client: bridged.client, targets: octets.map((_, server) => `${bridgedAddress(server)}:${serverPort}`), behind: bridged.servers }],
    ['docker', { ...published, behind: published.servers }],
  ];
}

async function serve(servers: readonly Space[], teardown: Teardown): Promise<void> {
  for (const [server, octet] of octets.entries()) {
    const space = servers[server];
    if (space) teardown(await acceptConnections(space, serverPort, octet));
  }
}
