/** What became of a number of TCP connections. */
export interface Connections {
  /** Answered per second. */
  readonly rate: number;
  /** Microseconds until the first octet, which half of them, and all but one in a hundred, did not exceed. */
  readonly median: number;
  readonly slow: number;
  readonly answered: number;
  readonly failed: number;
  /** Seconds of processor time that the client took, with what the kernel did for it. */
  readonly processorSeconds: number;
  /** How many were answered by each server, which are told apart by the octet that they say. */
  readonly answers: ReadonlyMap<string, number>;
  /** Of the first thousands of those that failed; milliseconds of the monotonic clock. */
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly began: number;
  readonly ended: number;
  /** ECONNREFUSED, for instance. */
  readonly reason: string;
}

/** How many times lie between the beginning of a bucket, in nanoseconds, and its end. */
type Bucket = readonly [begin: number, count: number];

interface Printed {
  readonly began: number;
  readonly ended: number;
  readonly answered: number;
  readonly failed: number;
  readonly processor: number;
  readonly times: readonly Bucket[];
  readonly answers: readonly (readonly [octet: string, count: number])[];
  readonly failures: readonly (readonly [began: number, ended: number, reason: string])[];
}

/** What bench/tools/connect.c prints. */
export function parseConnections(json: string): Connections {
  const { began, ended, answered, failed, processor, times, answers, failures } = JSON.parse(json) as Printed;
  return {
    rate: answered / ((ended - began) / 1e9),
    median: bucketQuantile(times, 0.5) / 1000,
    slow: bucketQuantile(times, 0.99) / 1000,
    ...{ answered, failed, processorSeconds: processor / 1e9, answers: new Map(answers) },
    failures: failures.map(([began, ended, reason]) => ({ began: began / 1e6, ended: ended / 1e6, reason })),
  };
}

/**
 * The time below which this part of the times lies; NaN if there are none. Within a bucket they are taken for evenly spread.
 * @param buckets in ascending order; those without times may be left out.
 */
function bucketQuantile(buckets: readonly Bucket[], part: number): number {
  const rank = part * buckets.reduce((sum, [, count]) => sum + count, 0);
  let before = 0;
  for (const [begin, count] of buckets) {
    if (before + count >= rank) return begin + bucketWidth(begin) * ((rank - before) / count);
    before += count;
  }
  return NaN;
}

/** Each power of two is divided into 128 buckets, as the program does it. */
function bucketWidth(begin: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(begin || 1)) - 7);
}
