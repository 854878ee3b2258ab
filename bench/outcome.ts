import type { Samples } from './rounds.js';
import { ratios, summarize, type Summary } from './statistics.js';
import type { Axis, Experiment, Figure, Prepared, Rivalry, Suite } from './suite.js';

/** A suite that has ended: what is written as JSON, and made into a report for people. */
export interface Outcome {
  readonly suite: string;
  readonly title: string;
  /** ISO 8601. */
  readonly began: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly machine: Machine;
  readonly contenders: Readonly<Record<string, string>>;
  readonly experiments: readonly ExperimentOutcome[];
  /** Whether every ratio that was to be reached was. */
  readonly reached: boolean;
}

/** What a reader must know of the machine to make sense of the figures. Nothing that tells one machine from another of its kind. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Versions by program. */
  readonly programs: Readonly<Record<string, string>>;
}

export interface ExperimentOutcome {
  readonly title: string;
  readonly figures: readonly FigureOutcome[];
  readonly axis?: Axis;
}

export interface FigureOutcome extends Figure {
  readonly contenders: readonly ContenderOutcome[];
  readonly rivalries: readonly RivalryOutcome[];
}

/** One contender compared with another, round by round. */
export interface RivalryOutcome extends Rivalry {
  readonly ratio: Summary;
  readonly reached: boolean;
}

export interface ContenderOutcome {
  readonly name: string;
  /** One for each round. */
  readonly samples: readonly number[];
  readonly summary: Summary;
  /** Compared with the reference, round by round; the reference itself has none. */
  readonly ratio?: Summary;
  readonly goal?: number;
  /** Whether the median of the ratio reaches the goal; absent without a goal. */
  readonly reached?: boolean;
}

export function experimentOutcome({ title, figures, contenders, goals, rivalries = [], axis }: Experiment, samples: Samples): ExperimentOutcome {
  const [reference = ''] = contenders;
  const figureOutcome = (figure: Figure): FigureOutcome => {
    const of = (contender: string): readonly number[] => samples[contender]?.[figure.key] ?? [];
    const compared = (contender: string, other: string): Summary => summarize(ratios(of(contender), of(other), figure));
    return {
      ...figure,
      contenders: contenders.map((name) => contenderOutcome(name, of(name), name === reference ? undefined : compared(name, reference), figure.withoutGoal ? undefined : goals[name])),
      rivalries: figure.withoutGoal ? [] : rivalries.map((rivalry) => rivalryOutcome(rivalry, compared(rivalry.contender, rivalry.rival))),
    };
  };
  return { title, figures: figures.map(figureOutcome), ...(axis && { axis }) };
}

function contenderOutcome(name: string, samples: readonly number[], ratio: Summary | undefined, goal: number | undefined): ContenderOutcome {
  return {
    ...{ name, samples, summary: summarize(samples) },
    ...(ratio && { ratio }),
    ...(ratio && goal !== undefined && { goal, reached: ratio.median >= goal }),
  };
}

function rivalryOutcome(rivalry: Rivalry, ratio: Summary): RivalryOutcome {
  return { ...rivalry, ratio, reached: ratio.median >= rivalry.goal };
}

export function suiteOutcome(
  { name, title }: Suite,
  { contenders }: Prepared,
  experiments: readonly ExperimentOutcome[],
  run: Pick<Outcome, 'began' | 'seconds' | 'rounds' | 'machine'>,
): Outcome {
  const all = experiments.flatMap(({ figures }) => figures).flatMap((figure) => [...figure.contenders, ...figure.rivalries]);
  return { suite: name, title, ...run, contenders, experiments, reached: all.every(({ reached }) => reached !== false) };
}
