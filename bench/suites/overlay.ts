import type { Suite } from '../suite.js';
import { experimentsOn, netctlWays, plainWay, quietWay, serve } from '../support/between-hosts.js';
import { Lab } from '../support/lab.js';
import { emptyHosts } from '../support/plain-vxlan.js';

/** Throughput and round trips between containers of two hosts, against VXLAN made by hand. */
export const overlay: Suite = {
  name: 'overlay',
  title: 'Between hosts: netctl against plain VXLAN',
  programs: [['iperf3', '--version'], ['dockerd', '--version'], ['nft', '--version'], ['ip', '-V'], ['etcd', '--version']],
  async prepare(teardown) {
    const lab = new Lab(2);
    teardown(() => lab.down());
    await lab.up();
    const quiet = await quietWay(lab);
    const { direct, service, mtu } = await netctlWays(lab);
    const bare = await plainWay({ number: 0, hosts: await emptyHosts(lab.space('wire'), teardown), mtu }, teardown);
    const beside = await plainWay({ number: 1, hosts: [lab.host(1), lab.host(2)], mtu }, teardown);
    for (const { server } of [quiet, direct, bare, beside]) await serve(server, teardown);
    return {
      contenders: {
        'bare hosts': 'VXLAN made by hand, on two hosts where nothing else is: on each a bridge, a VXLAN link that knows the other host, and a veth pair into the container; no rule, no conntrack',
        'Docker hosts':
          "the same on the two hosts where Docker and netctld are, with a VNI and a UDP port of its own: what the rules and conntrack of these hosts' own namespaces cost is in it. " +
          'This one counts: containers are on hosts with Docker, whoever makes the VXLAN between them. How all compare with bare hosts is shown, too',
        netctl: 'a network of netctl of a tenant without services, of which VXLAN by hand has none either: from a container on one host to one on another, each host with Docker and netctld, on the same wire and with the same MTU',
        provided: 'the same in a network of a tenant with a service, in which the routers see all packets, since answers of services may be among them',
        service: 'from the same container to the same other one, through a service IP of which that is the only provider',
        wire: `a bridge between the hosts, MTU 1500; MTU of the segments ${mtu}`,
      },
      experiments: experimentsOn({ 'bare hosts': bare, 'Docker hosts': beside, netctl: quiet, provided: direct, service }, { inKernel: true, rival: 'Docker hosts' }),
    };
  },
};
