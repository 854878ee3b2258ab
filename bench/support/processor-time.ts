import { readdirSync, readFileSync } from 'node:fs';

/** Seconds of processor time that these processes have taken, with what the kernel did meanwhile for their packets. */
export function processorSeconds(processes: readonly number[]): number {
  return processes.flatMap(threadsOf).reduce((sum, thread) => sum + nanosecondsOf(thread), 0) / 1e9;
}

/** The kernel's threads that carry packets on when there are more than can be carried at once. */
export function packetThreads(): number[] {
  return runningProcesses().filter((process) => nameOf(process).startsWith('ksoftirqd/'));
}

/** The numbers of all. */
export function runningProcesses(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Empty if it has ended meanwhile. */
function nameOf(process: number): string {
  try {
    return readFileSync(`/proc/${process}/comm`, 'utf8');
  } catch {
    return '';
  }
}

const threadsOf = (process: number): string[] => readdirSync(`/proc/${process}/task`).map((thread) => `/proc/${process}/task/${thread}`);

/** See proc(5): the first number is the time spent on a processor. */
function nanosecondsOf(thread: string): number {
  return Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ')[0]);
}
