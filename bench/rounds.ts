import type { Experiment, Figure, Measured } from './suite.js';

/** What was measured in all rounds: by contender, by figure, one for each round. */
export type Samples = Readonly<Record<string, Readonly<Record<string, readonly Measured[]>>>>;

/**
 * Does the experiment with each contender in turn, and that so many times: A, B, A, B. Machines drift, so what is measured minutes
 * apart cannot be compared. Before that each has one turn that does not count, in which caches fill and neighbours are learnt,
 * unless turns begin from nothing.
 * @param told is called after each round, with how many are done.
 */
export async function runRounds(experiment: Experiment, rounds: number, told: (done: number) => void): Promise<Samples> {
  const { contenders, figures } = experiment;
  const samples = Object.fromEntries(contenders.map((contender) => [contender, Object.fromEntries(figures.map(({ key }) => [key, [] as Measured[]]))]));
  if (!experiment.fromNothing) for (const contender of contenders) await experiment.run(contender);
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const measured = await experiment.run(contender);
      for (const figure of figures) samples[contender]?.[figure.key]?.push(valueOf(measured, figure, contender));
    }
    told(round);
  }
  return samples;
}

function valueOf(measured: Readonly<Record<string, Measured>>, { key, count, quantile }: Figure, contender: string): Measured {
  const value = measured[key];
  const values = quantile === undefined ? [value] : Array.isArray(value) ? (value as readonly number[]) : [];
  const isMeasurement = (each: Measured | undefined): boolean => typeof each === 'number' && Number.isFinite(each) && each >= 0 && (each > 0 || count === true);
  if (value === undefined || values.length === 0 || !values.every(isMeasurement)) throw new Error(`${contender}: ${key} is ${String(value)}, which is no measurement`);
  return value;
}
