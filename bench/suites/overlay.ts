import type { Suite } from '../suite.js';
import { experimentsOn, netctlWays, plainWay, serve } from '../support/between-hosts.js';
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
    const { direct, service, mtu } = await netctlWays(lab);
    const plain = await plainWay({ number: 0, hosts: await emptyHosts(lab.space('wire'), teardown), mtu }, teardown);
    const beside = await plainWay({ number: 1, hosts: [lab.host(1), lab.host(2)], mtu }, teardown);
    for (const { server } of [direct, plain, beside]) await serve(server, teardown);
    return {
      contenders: {
        plain: 'VXLAN made by hand, on two hosts where nothing else is: on each a bridge, a VXLAN link that knows the other host, and a veth pair into the container; no rule, no conntrack',
        'on Docker hosts': "the same on the two hosts where Docker and netctld are, with a VNI and a UDP port of its own: what the rules and conntrack of these hosts' own namespaces cost is in it",
        netctl: 'a network of netctl: from a container on one host to one on another, each host with Docker and netctld, on the same wire and with the same MTU',
        service: 'the same, through a service IP whose only provider is that other container',
        wire: `a bridge between the hosts, MTU 1500; MTU of the segments ${mtu}`,
      },
      experiments: experimentsOn({ plain, 'on Docker hosts': beside, netctl: direct, service }, true),
    };
  },
};
