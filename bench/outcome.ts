import type { Samples } from './rounds.js';
import { quantile, ratios, summarize, type Summary } from './statistics.js';
import type { Axis, Experiment, Figure, Measured, Prepared, Rivalry, Suite } from './suite.js';

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
  readonly rounds: number;
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
  /** What stands for all rounds: the median of them, or the figure's quantile of all values. */
  readonly overall: number;
  /** Compared with the reference, round by round; the reference itself has none. */
  readonly ratio?: Summary;
  readonly goal?: number;
  /** What `overall` must not be worse than. */
  readonly limit?: number;
  /** Whether the median of the ratio reaches the goal, and `overall` the limit; absent without either. */
  readonly reached?: boolean;
}

export function experimentOutcome({ title, figures, contenders, goals, limits = {}, rivalries = [], axis }: Experiment, samples: Samples): ExperimentOutcome {
  const [reference = ''] = contenders;
  const figureOutcome = (figure: Figure): FigureOutcome => {
    const measured = (contender: string): readonly Measured[] => samples[contender]?.[figure.key] ?? [];
    const of = (contender: string): readonly number[] => measured(contender).map((turn) => quantileOf([turn], figure));
    const compared = (contender: string, other: string): Summary => summarize(ratios(of(contender), of(other), figure));
    return {
      ...figure,
      contenders: contenders.map((name) => {
        const found = { name, samples: of(name), summary: summarize(of(name)), overall: quantileOf(measured(name), figure), ...(name !== reference && { ratio: compared(name, reference) }) };
        return figure.withoutGoal ? found : judged(found, figure, goals[name], limits[name]?.[figure.key]);
      }),
      rivalries: figure.withoutGoal ? [] : rivalries.map((rivalry) => rivalryOutcome(rivalry, compared(rivalry.contender, rivalry.rival))),
    };
  };
  const rounds = samples[reference]?.[figures[0]?.key ?? '']?.length ?? 0;
  return { title, rounds, figures: figures.map(figureOutcome), ...(axis && { axis }) };
}

/** Of all values of these turns. */
function quantileOf(turns: readonly Measured[], { quantile: part = 0.5 }: Figure): number {
  return quantile(turns.flat().toSorted((a, b) => a - b), part);
}

function judged(found: ContenderOutcome, { better }: Figure, goal: number | undefined, limit: number | undefined): ContenderOutcome {
  const { ratio, overall } = found;
  const verdicts = [
    ...(ratio && goal !== undefined ? [ratio.median >= goal] : []),
    ...(limit === undefined ? [] : [better === 'less' ? overall <= limit : overall >= limit]),
  ];
  return {
    ...found,
    ...(ratio && goal !== undefined && { goal }),
    ...(limit !== undefined && { limit }),
    ...(verdicts.length > 0 && { reached: verdicts.every(Boolean) }),
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
