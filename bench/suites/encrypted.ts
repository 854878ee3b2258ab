import type { Suite } from '../suite.js';
import { experimentsOn, netctlWays, plainWay, serve } from '../support/between-hosts.js';
import { Lab } from '../support/lab.js';
import { emptyHosts } from '../support/plain-vxlan.js';
import { tunnelled } from '../support/plain-wireguard.js';

/** The same as the suite overlay, for an encrypted network, against VXLAN over WireGuard made by hand. */
export const encrypted: Suite = {
  name: 'encrypted',
  title: 'Between hosts, encrypted: netctl against plain VXLAN over wireguard-go',
  programs: [['iperf3', '--version'], ['wireguard-go', '--version'], ['dockerd', '--version'], ['nft', '--version'], ['ip', '-V'], ['etcd', '--version']],
  async prepare(teardown) {
    const lab = new Lab(2);
    teardown(() => lab.down());
    await lab.up();
    const { direct, service, mtu } = await netctlWays(lab, '--encrypt');
    const hosts = await tunnelled(await emptyHosts(lab.space('wire'), teardown), teardown);
    const plain = await plainWay({ number: 0, hosts, mtu }, teardown);
    for (const { server } of [direct, plain]) await serve(server, teardown);
    return {
      contenders: {
        plain: 'VXLAN made by hand over wireguard-go, on two hosts where nothing else is: on each a tunnel, a bridge, a VXLAN link that knows the other host, and a veth pair into the container; no rule, no conntrack',
        netctl: 'an encrypted network of netctl: from a container on one host to one on another, each host with Docker and netctld, on the same wire and with the same MTU',
        service: 'the same, through a service IP whose only provider is that other container',
        wire: `a bridge between the hosts, MTU 1500; MTU of the segments ${mtu}`,
      },
      experiments: experimentsOn({ plain, netctl: direct, service }, { inKernel: false }),
    };
  },
};
