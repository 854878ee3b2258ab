import { readdirSync, readFileSync } from 'node:fs';

/** Seconds of processor time that these processes have taken, with what the kernel did meanwhile for their packets. */
export function processorSeconds(processes: readonly number[]): number {
  return processes.flatMap(threadsOf).reduce((sum, thread) => sum + nanosecondsOf(thread), 0) / 1e9;
}

/** Seconds of processor time that a process has taken, with those that it started and that have ended. See proc(5); a hundredth of a second is the least. */
export function familySeconds(process: number): number {
  return secondsIn(process, 11);
}

/** Of those only that this process has started and that have ended. */
export function childrenSeconds(): number {
  return secondsIn(process.pid, 13);
}

/** @param from of four numbers that follow each other: in the process by itself and in the kernel, and the same of what it started. */
function secondsIn(process: number, from: number): number {
  const text = readFileSync(`/proc/${process}/stat`, 'utf8');
  // The name before may have any sign in it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
  return fields.slice(from, 15).reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond;
}

/** Seconds that all processors of this machine together have worked. */
export function busySeconds(): number {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = NaN, nice = NaN, system = NaN, , , irq = NaN, softirq = NaN] = first.split(/ +/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}

/** As the kernel tells them to programs: USER_HZ, the same on all machines that Node.js runs on. */
const ticksPerSecond = 100;

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
