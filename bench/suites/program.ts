import type { Axis, Experiment, Figure, Suite } from '../suite.js';
import { allReached } from '../support/all-reached.js';
import { monotonic } from '../support/clock.js';
import { coldPeer, type ColdStart } from '../support/cold-peers.js';
import { DockerStarts } from '../support/docker-starts.js';
import { haproxyPeer, kubeIptablesPeer, kubeNftablesPeer, nftlbPeer, nginxPeer, peerVersions, type Peer } from '../support/peers.js';
import { changing, containerOf, created, first, inRouter, populatedHost, providersOf, second, type PopulatedHost } from '../support/populated-host.js';
import { busySeconds } from '../support/processor-time.js';
import { Reach } from '../support/reach.js';
import { Rest } from '../support/rest.js';

type Teardown = (work: () => Promise<unknown>) => void;

const sizes = [1, 1000, 10_000];
const most = 10_000;
/** The names of the contenders. */
const netctl = `netctl, ${most}`;
const ofSize = (size: number): string => `${size} service${size === 1 ? '' : 's'}`;

/** Peers, and with how many services each of ten providers: those whose time grows with the square of that would take minutes for all. */
const peers: readonly (readonly [contender: string, site: string, peer: Peer, services: number])[] = [
  ['haproxy', 'haproxy', haproxyPeer(), most],
  ['nginx', 'nginx', nginxPeer, most],
  ['kube-proxy iptables', 'ipt', kubeIptablesPeer, most],
  ['kube-proxy nftables', 'nft', kubeNftablesPeer, 2000],
  ['nftlb', 'nftlb', nftlbPeer, 200],
];

/** How often a change is made in a turn: by REST, of a provider or of a whole service; and by Docker. */
const [additions, creations, starts] = [20, 10, 2];
/** How often a client tries, in milliseconds: while all is programmed, and after a change. */
const [coldPause, changePause] = [2, 0.2];

/** How long it takes from nothing to everything, and from a change to the first connection. */
export const program: Suite = {
  name: 'program',
  title: 'Programming the kernel: netctl against every peer',
  programs: [['dockerd', '--version'], ['nft', '--version'], ['iptables', '--version'], ...peerVersions],
  async prepare(teardown) {
    const hosts = new Map<string, PopulatedHost>();
    for (const size of sizes) hosts.set(ofSize(size), await populatedHost(size, teardown));
    const beds = await changeBeds(hosts, teardown);
    return {
      contenders: {
        [netctl]: `netctld on a Docker host, whose tables are gone, with ${most} services of 10 providers each in its state: from its start until connections through a hundred services, spread over all, were answered`,
        ...Object.fromEntries(
          peers.map(([contender, , , services]) => [`${contender}, ${services}`, `the same for ${services} services of 10 providers each; what it reads was written before, so that nothing is planned; a router, a client and a server are in namespaces of their own`]),
        ),
        'N services': `a Docker host with netctld and so many services: one to which it happens; the others have 10 providers each. A client there begins a connection every ${changePause} ms`,
      },
      experiments: [
        await coldExperiment(hosts.get(ofSize(most)), teardown),
        changeExperiment('A provider more, by REST', beds, ({ host, reach }) => repeated(additions, () => addition(host, reach))),
        changeExperiment('A service with a provider, by REST', beds, ({ host, reach }) => repeated(creations, () => creation(host, reach))),
        changeExperiment('A provider more, by the start of its container: from when a client of Docker hears of it', beds, dockerStarts),
      ],
    };
  },
};

const coldFigures: readonly Figure[] = [
  { key: 'time', title: 'from the start until all services answer', unit: 's', better: 'less' },
  { key: 'processor', title: 'processor time of what does it', unit: 's', better: 'less', withoutGoal: true },
  { key: 'processors', title: 'processor time of all that runs', unit: 's', better: 'less', withoutGoal: true },
];

async function coldExperiment(host: PopulatedHost | undefined, teardown: Teardown): Promise<Experiment> {
  if (!host) throw new Error(`there is no host with ${most} services`);
  const colds = new Map([[netctl, coldNetctl(host)]]);
  for (const [contender, site, peer, services] of peers) colds.set(`${contender}, ${services}`, await coldPeer(site, peer, services, teardown));
  const reaches = new Map<string, Reach>();
  for (const [contender, { client }] of colds) reaches.set(contender, await Reach.start(client, coldPause, teardown));
  const [, ...rivals] = [...colds.keys()];
  return {
    ...{ title: 'From nothing to everything', contenders: [...colds.keys()], figures: coldFigures, fromNothing: true, mostRounds: 3 },
    ...{ goals: {}, limits: { [netctl]: { time: 3 } }, rivalries: rivals.map((rival) => ({ contender: netctl, rival, goal: 1 })) },
    run: (contender) => coldTurn(colds.get(contender), reaches.get(contender)),
  };
}

async function coldTurn(cold: ColdStart | undefined, reach: Reach | undefined): Promise<{ time: number; processor: number; processors: number }> {
  if (!cold || !reach) throw new Error('there is no such contender');
  await cold.prepare?.();
  const [began, busy, own] = [monotonic(), busySeconds(), cold.processorSeconds()];
  const [end, reached] = await Promise.all([cold.begin(), allReached(reach, cold.targets)]);
  const [processor, processors] = [cold.processorSeconds() - own, busySeconds() - busy];
  await end();
  return { time: (reached - began) / 1000, processor, processors };
}

function coldNetctl({ lab, netctld, client, targets, withoutTables }: PopulatedHost): ColdStart {
  return {
    ...{ client, targets },
    prepare: withoutTables,
    processorSeconds: () => netctld.processorSeconds(),
    begin: () => {
      netctld.start();
      return Promise.resolve(async () => {
        // A hundred answered: the others must be there, too.
        const there = (await lab.exec(1, ...inRouter, 'nft', 'list', 'map', 'ip', 'netctl', 'services')).split(/ : 0x/).length - 1;
        if (there !== targets.length) throw new Error(`when a hundred services answered, ${there} of ${targets.length} were in the kernel`);
        await netctld.untilAtRest();
      });
    },
  };
}

/** Where changes are made. */
interface ChangeBed {
  readonly host: PopulatedHost;
  readonly reach: Reach;
  readonly docker: Rest;
  readonly heard: DockerStarts;
}

async function changeBeds(hosts: ReadonlyMap<string, PopulatedHost>, teardown: Teardown): Promise<Map<string, ChangeBed>> {
  const beds = new Map<string, ChangeBed>();
  for (const [contender, host] of hosts) {
    const socket = `${host.netctld.root}/run/docker.sock`;
    const docker = new Rest(socket);
    teardown(() => Promise.resolve(docker.close()));
    beds.set(contender, { host, docker, reach: await Reach.start(host.client, changePause, teardown), heard: await DockerStarts.follow(socket, teardown) });
  }
  return beds;
}

const changeFigures: readonly Figure[] = [
  { key: 'median', title: 'until the first connection reaches it', unit: 'ms', better: 'less', quantile: 0.5 },
  { key: 'slow', title: 'the same, 99 in 100', unit: 'ms', better: 'less', quantile: 0.99 },
];

const axis: Axis = { title: 'services', places: Object.fromEntries(sizes.map((size) => [ofSize(size), { at: size, line: 'netctl' }])) };

/** @param change makes changes; how long each took, in milliseconds. */
function changeExperiment(title: string, beds: ReadonlyMap<string, ChangeBed>, change: (bed: ChangeBed) => Promise<readonly number[]>): Experiment {
  return {
    ...{ title, contenders: [...beds.keys()], figures: changeFigures, axis },
    goals: { [ofSize(most)]: 1 / 1.5 },
    limits: Object.fromEntries([...beds.keys()].map((contender) => [contender, { slow: 10 }])),
    run: async (contender) => {
      const bed = beds.get(contender);
      if (!bed) throw new Error(`there is no contender ${contender}`);
      const times = await change(bed);
      return { median: times, slow: times };
    },
  };
}

async function repeated(times: number, work: () => Promise<number>): Promise<number[]> {
  const found: number[] = [];
  for (let count = 0; count < times; count += 1) found.push(await work());
  return found;
}

const changingPath = `/api/v1/serviceLBs/default:${changing}/`;

function select({ netctld }: PopulatedHost, selector: string): Promise<string> {
  return netctld.rest.ask('PATCH', changingPath, { selectors: [selector] });
}

/** A second provider: round robin brings it every other connection. */
async function addition(host: PopulatedHost, reach: Reach): Promise<number> {
  const reached = reach.first(host.changing, second);
  const asked = monotonic();
  await select(host, `who in (${first},${second})`);
  const took = (await reached) - asked;
  await select(host, providersOf(first));
  return took;
}

async function creation({ netctld, spare, ask }: PopulatedHost, reach: Reach): Promise<number> {
  const reached = reach.first(spare, first);
  const asked = monotonic();
  await ask('spare', spare, providersOf(first));
  const took = (await reached) - asked;
  await netctld.rest.ask('DELETE', '/api/v1/serviceLBs/default:spare/');
  return took;
}

async function dockerStarts({ host, reach, docker, heard }: ChangeBed): Promise<number[]> {
  await select(host, providersOf(created));
  const times = await repeated(starts, async () => {
    const [reached, asked] = [reach.first(host.changing, created), monotonic()];
    await docker.ask('POST', `/containers/${containerOf(created)}/start`);
    const took = (await reached) - (await heard.since(asked));
    await docker.ask('POST', `/containers/${containerOf(created)}/kill`);
    await host.untilProviders(0);
    // netctld may have heard of it before: that cannot be told from at once.
    return Math.max(took, changePause);
  });
  await select(host, providersOf(first));
  return times;
}
