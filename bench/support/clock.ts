/** Milliseconds of the clock that the programs in C read, too. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;
