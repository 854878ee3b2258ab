import { setTimeout } from 'node:timers/promises';
import type { Experiment, Figure, Suite } from '../suite.js';
import { monotonic } from '../support/clock.js';
import { DockerStarts } from '../support/docker-starts.js';
import { changing, containerOf, created, first, groups, populatedHost, providersOf, second, serverName, serviceName, type PopulatedHost } from '../support/populated-host.js';
import { Reach } from '../support/reach.js';
import { Rest } from '../support/rest.js';

type Teardown = (work: () => Promise<unknown>) => void;

const services = 10_000;
const contender = `${services} services`;
/** Changes per second. */
const rate = 100;
const rounds = 10;
/** Of all rounds: five minutes, and less when all other suites are run, too. */
const seconds = Number(process.env['BENCH_SECONDS'] ?? (process.env['SUITE'] ? 300 : 40));
/** So many services have one provider less than the others, each for a second. */
const drained = rate / 2;
/** One of so many changes exchanges the only provider of a service, which a client watches. */
const watched = 10;
/** Nobody has more requests going: whom that keeps waiting does not reach the rate. */
const mostAtOnce = 400;
/** How often that client begins a connection, in milliseconds. */
const pause = 0.5;

/** Many changes a second among many services. */
export const churn: Suite = {
  name: 'churn',
  title: `Providers come and go: ${rate} changes per second among ${services} services`,
  programs: [['dockerd', '--version'], ['nft', '--version']],
  async prepare(teardown) {
    const bed = await churnBed(teardown);
    return {
      contenders: {
        [contender]:
          `a Docker host with netctld and that many services of 10 providers each. Of the changes, ${watched - 1} in ${watched} drain a provider of one of the services or take it back, one after the other over all of them; ` +
          `1 in ${watched} exchanges the only provider of a service to which a client begins a connection every ${pause} ms. All are asked for by REST, ${rate} per second whatever becomes of those before, as long as there are fewer than ${mostAtOnce} of these. Besides, a container is started and killed each second, the only provider of another service`,
      },
      experiments: [churning(bed)],
    };
  },
};

interface Bed {
  readonly host: PopulatedHost;
  readonly reach: Reach;
  readonly docker: Rest;
  readonly heard: DockerStarts;
}

/** The service of the container that is started and killed. */
const restarting = 'restarting';

async function churnBed(teardown: Teardown): Promise<Bed> {
  const host = await populatedHost(services, teardown);
  await host.ask(restarting, host.spare, providersOf(created));
  const socket = `${host.netctld.root}/run/docker.sock`;
  const docker = new Rest(socket);
  teardown(() => Promise.resolve(docker.close()));
  return { host, docker, reach: await Reach.start(host.client, pause, teardown), heard: await DockerStarts.follow(socket, teardown) };
}

const ofMany = (key: string, title: string): Figure[] => [
  { key: `${key}Median`, title, unit: 'ms', better: 'less', quantile: 0.5 },
  { key: `${key}Slow`, title: `${title}, 99 in 100`, unit: 'ms', better: 'less', quantile: 0.99 },
];

const figures: readonly Figure[] = [
  { key: 'failed', title: 'what failed: requests, starts, transactions, passes', unit: '', better: 'less', count: true },
  { key: 'rate', title: 'changes that were answered', unit: '1/s', better: 'more' },
  ...ofMany('answered', 'request to answer'),
  ...ofMany('exchanged', 'request to the first connection'),
  ...ofMany('started', "Docker's start event to the first connection"),
  { key: 'share', title: 'netctld, of a processor', unit: '%', better: 'less' },
];

function churning(bed: Bed): Experiment {
  const changes = new Changes(bed);
  return {
    ...{ title: `${seconds} seconds of changes`, contenders: [contender], figures, goals: {}, mostRounds: rounds },
    limits: { [contender]: { failed: 0, rate: 0.95 * rate, answeredSlow: 50, exchangedSlow: 50, startedSlow: 50, share: 30 } },
    run: () => changes.turn(seconds / rounds),
  };
}

/** What was measured in a turn, in milliseconds. */
interface Times {
  readonly answered: number[];
  readonly exchanged: number[];
  readonly started: number[];
}

class Changes {
  private count = 0;
  /** Those that have one provider less, the oldest first. */
  private readonly drained: number[] = [];
  private letter: string = first;
  private atOnce = 0;
  /** Requests that were refused, and starts. */
  private failed = 0;

  constructor(private readonly bed: Bed) {}

  async turn(seconds: number): Promise<Record<string, number | readonly number[]>> {
    const { netctld } = this.bed.host;
    const times: Times = { answered: [], exchanged: [], started: [] };
    const [failures, used, began] = [await this.failures(), netctld.processorSeconds(), monotonic()];
    const until = began + seconds * 1000;
    const restarts = this.restarts(until, times);
    const changes = await this.begin(began, until, times);
    await Promise.all(changes);
    const passed = (monotonic() - began) / 1000;
    const share = ((netctld.processorSeconds() - used) / passed) * 100;
    await restarts;
    const failed = (await this.failures()) - failures;
    const [answered, exchanged, started] = [times.answered, times.exchanged, times.started];
    return {
      ...{ failed, share, rate: changes.length / passed },
      ...{ answeredMedian: answered, answeredSlow: answered, exchangedMedian: exchanged, exchangedSlow: exchanged, startedMedian: started, startedSlow: started },
    };
  }

  /** Begins each in its time. */
  private async begin(began: number, until: number, times: Times): Promise<Promise<void>[]> {
    const changes: Promise<void>[] = [];
    let exchange: Promise<void> | undefined;
    for (let due = began; due < until; due = began + (changes.length * 1000) / rate) {
      const early = due - monotonic();
      if (early > 1) await setTimeout(early);
      while (this.atOnce >= mostAtOnce) await setTimeout(5);
      // A client can watch one exchange only at a time.
      if (changes.length % watched === 0 && !exchange) {
        exchange = this.exchange(times).finally(() => (exchange = undefined));
        // It is waited for in the end, and may fail before.
        exchange.catch(() => undefined);
        changes.push(exchange);
      } else {
        changes.push(this.answered(this.drainOrUndrain(), times));
      }
    }
    return changes;
  }

  private async answered(request: Promise<string>, { answered }: Times): Promise<void> {
    const asked = monotonic();
    this.atOnce += 1;
    await request.catch((error: unknown) => this.fail(error));
    this.atOnce -= 1;
    answered.push(monotonic() - asked);
  }

  private drainOrUndrain(): Promise<string> {
    const method = this.drained.length > drained ? 'DELETE' : 'POST';
    if (method === 'POST') this.drained.push(this.count++ % (services - 1));
    const service = (method === 'POST' ? this.drained.at(-1) : this.drained.shift()) ?? 0;
    return this.bed.host.netctld.rest.ask(method, `/api/v1/drain/serviceLBs/default:${serviceName(service)}/${serverName(service % groups)}/`);
  }

  private async exchange(times: Times): Promise<void> {
    this.letter = this.letter === first ? second : first;
    const reached = this.bed.reach.first(this.bed.host.changing, this.letter);
    const asked = monotonic();
    await this.answered(this.bed.host.netctld.rest.ask('PATCH', `/api/v1/serviceLBs/default:${changing}/`, { selectors: [providersOf(this.letter)] }), times);
    times.exchanged.push((await reached) - asked);
  }

  /** Each second, and not before the one before has come and gone. */
  private async restarts(until: number, { started }: Times): Promise<void> {
    for (let began = monotonic(); began < until; began = monotonic()) {
      const took = await this.restart().catch((error: unknown) => {
        this.fail(error);
        return monotonic() - began;
      });
      started.push(took);
      await setTimeout(Math.max(0, began + 1000 - monotonic()));
    }
  }

  private async restart(): Promise<number> {
    const { host, reach, docker, heard } = this.bed;
    const [reached, asked] = [reach.first(host.spare, created), monotonic()];
    await docker.ask('POST', `/containers/${containerOf(created)}/start`);
    // netctld may have heard of it before: that cannot be told from at once.
    const took = Math.max((await reached) - (await heard.since(asked)), pause);
    await docker.ask('POST', `/containers/${containerOf(created)}/kill`);
    await host.untilProviders(0, restarting);
    return took;
  }

  private fail(error: unknown): void {
    this.failed += 1;
    console.error('bench:', error);
  }

  private async failures(): Promise<number> {
    const { netctld } = this.bed.host;
    const [transactions, passes] = [await netctld.counted('netctl_store_transactions_total', 'result="failed"'), await netctld.counted('netctl_reconcile_failures_total')];
    return this.failed + transactions + passes;
  }
}
