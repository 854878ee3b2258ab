import { setTimeout } from 'node:timers/promises';
import { failoverOf } from '../failover.js';
import type { BenchService } from '../peers/service.js';
import type { Experiment, Figure, Suite } from '../suite.js';
import { monotonic } from '../support/clock.js';
import { connect, launchServer, untilAnswered, type Targets } from '../support/connections.js';
import { Lab } from '../support/lab.js';
import { asProvider, serviceWithoutProviders } from '../support/one-host.js';
import { balanceBy, haproxyPeer, nginxPeer, peer, type Balance } from '../support/peers.js';
import { makeSite, serverAddress, serviceAddress } from '../support/site.js';
import { nativeTools, type Program, type Space } from '../support/space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Four servers that are balanced, one of which can be killed. */
interface Bed {
  /** Does this with all four servers there, and cares afterwards that they can be had again. @param victim the process of one of them. */
  turn<T>(work: (client: Space, targets: Targets, victim: number) => Promise<T>): Promise<T>;
}

const [serverPort, servicePort] = [8000, 80];
const octets = ['a', 'b', 'c', 'd'];
/** Connections begun per second, and for how many seconds. */
const [rate, seconds] = [500, 2.6];

const service: BenchService = { address: serviceAddress, port: servicePort, providers: octets.map((_, server) => ({ address: serverAddress(server), port: serverPort })) };
const checked = 'check inter 1s fall 1 rise 1';

/** What clients notice when a provider is killed. */
export const failover: Suite = {
  name: 'failover',
  title: 'A provider is killed: netctl against those who check its health',
  programs: [['dockerd', '--version'], ['nft', '--version'], peer('haproxy', '-v'), peer('nginx', '-v')],
  async prepare(teardown) {
    const beds = new Map<string, Bed>([
      ['haproxy', await peerBed('haproxy', balanceBy(haproxyPeer([], checked)), teardown)],
      ['netctl', await netctlBed(teardown)],
      ['haproxy, redispatching', await peerBed('redispatch', balanceBy(haproxyPeer(['option redispatch 1'], checked)), teardown)],
      ['nginx', await peerBed('nginx', balanceBy(nginxPeer), teardown)],
    ]);
    return {
      contenders: {
        haproxy: `HAProxy as a proxy of TCP, which checks the health of its four servers every second and takes the first failure for true (\`${checked}\`)`,
        netctl: 'a service on a Docker host with netctld; its four providers are containers, and the killed process is the main one of one of these',
        'haproxy, redispatching': 'HAProxy that besides tries another server when one refuses a connection (`option redispatch 1`)',
        nginx: 'nginx with its module stream, which checks no health by itself (only its commercial edition does): it tries another server when one refuses a connection, and then leaves that one alone for 10 seconds',
        'nobody else': 'nftlb and rules in the shapes of kube-proxy check no health: others tell them',
      },
      experiments: [killing(beds)],
    };
  },
};

const figures: readonly Figure[] = [
  { key: 'failed', title: `connections that failed, of ${rate} per second`, unit: '', better: 'less', count: true },
  { key: 'last', title: 'from the kill until the last one began that failed', unit: 'ms', better: 'less', count: true },
];

/** At any moment between two checks. */
function killing(beds: ReadonlyMap<string, Bed>): Experiment {
  return {
    ...{ title: 'One of four providers is killed (SIGKILL)', contenders: [...beds.keys()], figures },
    goals: { netctl: 1 },
    rivalries: [{ contender: 'netctl', rival: 'haproxy, redispatching', goal: 1 }],
    run: async (contender) => {
      const bed = beds.get(contender);
      if (!bed) throw new Error(`there is no contender ${contender}`);
      return bed.turn(async (client, targets, victim) => {
        const connections = connect(client, { targets, rate, seconds });
        await setTimeout(300 + Math.random() * 1000);
        // The clock of the failures.
        const killed = monotonic();
        process.kill(victim, 'SIGKILL');
        return { ...failoverOf(await connections, killed) };
      });
    },
  };
}

/** What balances is started anew for every turn: else nginx would leave the killed server alone for long after it is there again. */
async function peerBed(name: string, balance: Balance, teardown: Teardown): Promise<Bed> {
  const site = await makeSite(name, octets.length, teardown);
  const running = new Map<string, Program>();
  const ofTurn: (() => Promise<unknown>)[] = [];
  const endTurn = async (): Promise<void> => {
    for (let work = ofTurn.pop(); work; work = ofTurn.pop()) await work();
  };
  // Also when it is interrupted in a turn.
  teardown(async () => {
    await endTurn();
    await Promise.all([...running.values()].map(({ end }) => end()));
  });
  return {
    turn: async (work) => {
      await launchMissing(site.servers, running);
      try {
        await balance(site, [service], (each) => ofTurn.push(each));
        const targets = [`${service.address}:${service.port}`];
        await untilAnswered(site.client, targets, octets.length);
        return await work(site.client, targets, running.get('a')?.pid ?? NaN);
      } finally {
        await running.get('a')?.end();
        running.delete('a');
        await endTurn();
      }
    },
  };
}

async function launchMissing(servers: readonly Space[], running: Map<string, Program>): Promise<void> {
  for (const [server, octet] of octets.entries()) {
    const space = servers[server];
    if (space && !running.has(octet)) running.set(octet, await launchServer(space, serverPort, octet));
  }
}

async function netctlBed(teardown: Teardown): Promise<Bed> {
  const lab = new Lab(1);
  teardown(() => lab.down());
  await lab.up();
  const { client, address } = await serviceWithoutProviders(lab, [`${servicePort}:${serverPort}:tcp`]);
  for (const octet of octets) await lab.exec(1, 'docker', 'run', '-d', '--name', `server-${octet}`, '-v', `${nativeTools}:/bench:ro`, ...asProvider, 'alpine', '/bench/accept', String(serverPort), octet);
  const targets = [`${address}:${servicePort}`];
  return {
    turn: async (work) => {
      // Succeeds if it runs.
      await lab.exec(1, 'docker', 'start', 'server-a');
      await lab.untilServed(octets.length);
      await untilAnswered(client, targets, octets.length);
      return work(client, targets, await lab.containerPid(1, 'server-a'));
    },
  };
}
