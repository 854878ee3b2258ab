import type { Suite } from '../suite.js';
import { experimentsOn, netctlWays, plainWay, quietWay, serve } from '../support/between-hosts.js';
import { Lab } from '../support/lab.js';
import { emptyHosts } from '../support/plain-vxlan.js';
import { tunnelled } from '../support/plain-wireguard.js';

/** netctld has WireGuard's usual one. */
const freePort = 51830;

/** The same as the suite overlay, for an encrypted network, against VXLAN over WireGuard made by hand. */
export const encrypted: Suite = {
  name: 'encrypted',
  title: 'Between hosts, encrypted: netctl against plain VXLAN over wireguard-go',
  programs: [['iperf3', '--version'], ['wireguard-go', '--version'], ['dockerd', '--version'], ['nft', '--version'], ['ip', '-V'], ['etcd', '--version']],
  async prepare(teardown) {
    const lab = new Lab(2);
    teardown(() => lab.down());
    await lab.up();
    const quiet = await quietWay(lab, '--encrypt');
    const { direct, service, mtu } = await netctlWays(lab, '--encrypt');
    const bare = await plainWay({ number: 0, hosts: await tunnelled(await emptyHosts(lab.space('wire'), teardown), teardown), mtu }, teardown);
    const beside = await plainWay({ number: 1, hosts: await tunnelled([lab.host(1), lab.host(2)], teardown, freePort), mtu }, teardown);
    for (const { server } of [quiet, direct, bare, beside]) await serve(server, teardown);
    return {
      contenders: {
        'bare hosts': 'VXLAN made by hand over wireguard-go, on two hosts where nothing else is: on each a tunnel, a bridge, a VXLAN link that knows the other host, and a veth pair into the container; no rule, no conntrack',
        'Docker hosts': 'the same on the two hosts where Docker and netctld are. This one counts: containers are on hosts with Docker, whoever makes the tunnel between them',
        netctl: 'an encrypted network of netctl of a tenant without services: from a container on one host to one on another, each host with Docker and netctld, on the same wire and with the same MTU',
        provided: 'the same in a network of a tenant with a service, in which the routers see all packets',
        service: 'from the same container to the same other one, through a service IP of which that is the only provider',
        wire: `a bridge between the hosts, MTU 1500; MTU of the segments ${mtu}`,
      },
      experiments: experimentsOn({ 'bare hosts': bare, 'Docker hosts': beside, netctl: quiet, provided: direct, service }, { inKernel: false, rival: 'Docker hosts' }),
    };
  },
};
