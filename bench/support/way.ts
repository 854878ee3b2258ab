import type { Experiment, Figure } from '../suite.js';
import { connect, type Targets } from './connections.js';
import { packetThreads, processorSeconds } from './processor-time.js';
import type { Space } from './space.js';

/** How a contender is called. */
export interface ConnectWay {
  readonly client: Space;
  readonly targets: Targets;
  /** Where what answers runs, and what balances if that is a program. */
  readonly behind: readonly Space[];
}

/** Seconds of each turn: some thousand connections. */
const turn = 0.2;
/** Enough that neither end ever waits for the other. */
const inFlight = 32;

const rate: Figure = { key: 'rate', title: `new connections, ${inFlight} in flight`, unit: '1/s', better: 'more' };
const perProcessorSecond: Figure = { key: 'perProcessorSecond', title: 'connections per second of processor time', unit: '', better: 'more', withoutGoal: true };
const median: Figure = { key: 'median', title: 'time to first octet, one after another', unit: 'us', better: 'less' };
const slow: Figure = { key: 'slow', title: 'time to first octet, 99 in 100', unit: 'us', better: 'less', withoutGoal: true };

interface Wanted extends Pick<Experiment, 'goals' | 'rivalries' | 'axis'> {
  /** The goals are for the usual time to the first octet, too, and not only for the rate. */
  readonly ofTimes?: true;
}

/**
 * New connections, many at once and one after another.
 * @param ways by contender, the reference first.
 */
export function connectExperiment(title: string, ways: ReadonlyMap<string, ConnectWay>, wanted: Wanted): Experiment {
  return {
    ...{ title, contenders: [...ways.keys()] },
    ...{ goals: wanted.goals, rivalries: wanted.rivalries ?? [], ...(wanted.axis && { axis: wanted.axis }) },
    figures: [rate, perProcessorSecond, wanted.ofTimes ? median : { ...median, withoutGoal: true }, slow],
    run: async (contender) => {
      const way = ways.get(contender);
      if (!way) throw new Error(`there is no way ${contender}`);
      const processes = [...way.behind.flatMap((space) => space.processes()), ...packetThreads()];
      const before = processorSeconds(processes);
      const many = await answered(contender, { ...way, inFlight });
      const used = many.processorSeconds + processorSeconds(processes) - before;
      const { median, slow } = await answered(contender, { ...way, inFlight: 1 });
      return { rate: many.rate, perProcessorSecond: many.answered / used, median, slow };
    },
  };
}

/** Some may fail on a busy machine. When many do, it is something else that is measured. */
async function answered(contender: string, { client, targets, inFlight }: ConnectWay & { readonly inFlight: number }): ReturnType<typeof connect> {
  const found = await connect(client, { targets, inFlight, seconds: turn });
  if (found.failed * 100 > found.answered) throw new Error(`${contender}: ${found.failed} connections failed (${found.failures[0]?.reason ?? ''}), and ${found.answered} were answered`);
  return found;
}
