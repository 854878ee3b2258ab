/** What a round measures of each contender: numbers of a kind. */
export interface Figure {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  /** Which numbers are the better ones. */
  readonly better: 'more' | 'less';
  /** It is shown, and no goal is for it. */
  readonly withoutGoal?: true;
  /** It counts what may never happen: 0 is a number of it, and for a ratio one is added to either side. */
  readonly count?: true;
  /** A turn gives many values, and this part of all those of all rounds (0..1) is not above what is shown. */
  readonly quantile?: number;
}

/** Of one turn: a number, or the values of a figure that is a quantile. */
export type Measured = number | readonly number[];

/** Two contenders, neither of which is the reference. */
export interface Rivalry {
  readonly contender: string;
  readonly rival: string;
  /** The least ratio of the contender to the rival that is good enough. */
  readonly goal: number;
}

/** A number by which contenders differ: then figures are drawn as lines over it, and not as bars. */
export interface Axis {
  readonly title: string;
  /** By contender: the number, and the line on which he is; without one, on all lines. */
  readonly places: Readonly<Record<string, { readonly at: number; readonly line?: string }>>;
}

/**
 * Something that is done with each contender in turn, again and again. The first contender is the reference that the others
 * are compared with.
 */
export interface Experiment {
  readonly title: string;
  /** At least one. */
  readonly contenders: readonly string[];
  /** At least one. */
  readonly figures: readonly Figure[];
  /** The least ratio to the reference that is good enough, for each contender that is to reach one: 1 is as good as the reference, more is better. */
  readonly goals: Readonly<Record<string, number>>;
  /** What is good enough in itself, by contender and by figure: the most of what is better when it is less, else the least. */
  readonly limits?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Who besides is compared with whom. */
  readonly rivalries?: readonly Rivalry[];
  readonly axis?: Axis;
  /** Each turn begins from nothing, so that there is nothing that a turn beforehand could warm up. */
  readonly fromNothing?: true;
  /** However many rounds there are: for turns that take long. */
  readonly mostRounds?: number;
  /** Does it once. Answers every figure by its key. */
  run(contender: string): Promise<Readonly<Record<string, Measured>>>;
}

/** What a suite has made, on which its experiments work. */
export interface Prepared {
  readonly experiments: readonly Experiment[];
  /** What the contenders are, by name, and how they were made: for a reader of the report. */
  readonly contenders: Readonly<Record<string, string>>;
}

/** A group of experiments on one set of namespaces. A suite is a file in bench/suites. */
export interface Suite {
  readonly name: string;
  readonly title: string;
  /** Programs whose versions belong into the report, each with the words that make it tell its version. */
  readonly programs: readonly (readonly [program: string, ...words: string[]])[];
  /** @param teardown takes what is to be done in the end, however it ends; the last one that was given is done first. */
  prepare(teardown: (work: () => Promise<unknown>) => void): Promise<Prepared>;
}
