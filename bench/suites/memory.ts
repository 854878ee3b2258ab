import type { Experiment, Figure, Suite } from '../suite.js';
import { allReached } from '../support/all-reached.js';
import { coldPeer, type ColdStart } from '../support/cold-peers.js';
import { Lab } from '../support/lab.js';
import { kernelMegabytes, residentMegabytes } from '../support/memory.js';
import { Netctld } from '../support/netctld.js';
import { kubeIptablesPeer, kubeNftablesPeer } from '../support/peers.js';
import { populatedHost, type PopulatedHost } from '../support/populated-host.js';
import { Reach } from '../support/reach.js';

type Teardown = (work: () => Promise<unknown>) => void;

const services = 10_000;
const [idle, full] = ['idle', `${services} services`];
/** Services of a peer: what one of them takes does not depend on how many there are. */
const ofPeers = 1000;
/** How often a client tries whether all is there, in milliseconds. */
const pause = 5;

/** What netctld has in memory, and what the kernel has for it. */
export const memory: Suite = {
  name: 'memory',
  title: 'Memory of netctld and of the kernel',
  programs: [['dockerd', '--version'], ['nft', '--version'], ['iptables', '--version']],
  async prepare(teardown) {
    const host = await populatedHost(services, teardown);
    const reach = await Reach.start(host.client, pause, teardown);
    return {
      contenders: {
        [idle]: 'netctld on a Docker host where nothing else was ever made, since its start',
        [full]: `netctld with that many services of 10 providers each, since its start, at which the kernel had none of them`,
        'netctl': `the kernel's memory: what less it has without the tables of these ${services} services. Counted are SUnreclaim, VmallocUsed and Percpu of /proc/meminfo`,
        'kube-proxy nftables, kube-proxy iptables': `the same for ${ofPeers} services of 10 providers each`,
      },
      experiments: [residentExperiment(await idleNetctld(teardown), host, reach), await kernelExperiment(host, reach, teardown)],
    };
  },
};

async function idleNetctld(teardown: Teardown): Promise<Netctld> {
  const lab = new Lab(1, 'idle');
  teardown(() => lab.down());
  await lab.up();
  return Netctld.inPlaceOf(lab, teardown);
}

const resident: Figure = { key: 'resident', title: 'resident size at rest', unit: 'MB', better: 'less' };
const most: Figure = { key: 'most', title: 'the most of it since the start', unit: 'MB', better: 'less', withoutGoal: true };

function residentExperiment(alone: Netctld, host: PopulatedHost, reach: Reach): Experiment {
  return {
    ...{ title: 'netctld', contenders: [idle, full], figures: [resident, most], fromNothing: true, mostRounds: 3 },
    ...{ goals: {}, limits: { [idle]: { resident: 90 }, [full]: { resident: 300 } } },
    run: async (contender) => {
      const netctld = contender === idle ? alone : host.netctld;
      if (contender === idle) await startIdle(netctld);
      else await load(host, reach);
      const { now, most } = residentMegabytes(netctld.pid);
      return { resident: now, most };
    },
  };
}

async function startIdle(netctld: Netctld): Promise<void> {
  await netctld.stop();
  netctld.start();
  await netctld.untilReady();
  await netctld.untilAtRest();
}

async function load(host: PopulatedHost, reach: Reach): Promise<void> {
  await host.withoutTables();
  host.netctld.start();
  await allReached(reach, host.targets);
  await host.netctld.untilAtRest();
}

async function kernelExperiment(host: PopulatedHost, reach: Reach, teardown: Teardown): Promise<Experiment> {
  const peers = new Map<string, ColdStart>([
    ['kube-proxy nftables', await coldPeer('nft', kubeNftablesPeer, ofPeers, teardown)],
    ['kube-proxy iptables', await coldPeer('ipt', kubeIptablesPeer, ofPeers, teardown)],
  ]);
  return {
    title: "The kernel's memory for services",
    contenders: ['netctl', ...peers.keys()],
    figures: [{ key: 'each', title: 'for a service of 10 providers', unit: 'kB', better: 'less' }, { key: 'all', title: 'for all of them', unit: 'MB', better: 'less', withoutGoal: true }],
    ...{ goals: {}, rivalries: [...peers.keys()].map((rival) => ({ contender: 'netctl', rival, goal: 1 })), fromNothing: true, mostRounds: 3 },
    run: async (contender) => {
      const peer = peers.get(contender);
      const [all, count] = peer ? [await kernelOfPeer(peer), ofPeers] : [await kernelOfNetctl(host, reach), services];
      return { all, each: (all * 1000) / count };
    },
  };
}

async function kernelOfNetctl(host: PopulatedHost, reach: Reach): Promise<number> {
  await load(host, reach);
  await host.netctld.stop();
  const before = await kernelMegabytes();
  await host.withoutTables();
  return before - (await kernelMegabytes());
}

async function kernelOfPeer(peer: ColdStart): Promise<number> {
  const end = await peer.begin();
  const before = await kernelMegabytes();
  await end();
  return before - (await kernelMegabytes());
}
