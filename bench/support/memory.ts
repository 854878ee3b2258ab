import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { monotonic } from './clock.js';

/** Of a process: what it has in memory, and the most that it ever had; in millions of octets. See proc(5). */
export function residentMegabytes(process: number): { now: number; most: number } {
  const text = readFileSync(`/proc/${process}/status`, 'utf8');
  return { now: megabytes(text, 'VmRSS'), most: megabytes(text, 'VmHWM') };
}

/**
 * What the kernel has in memory for itself and cannot do without, in millions of octets: small objects, pages for larger ones, and what each processor has of its own. The elements of a table, their
 * hash tables and their counters are in these. Waits until that stays as it is: much of what is deleted is given back a while later.
 */
export async function kernelMegabytes(): Promise<number> {
  const deadline = monotonic() + 30_000;
  for (let seen: number[] = []; ; await setTimeout(500)) {
    const text = readFileSync('/proc/meminfo', 'utf8');
    const now = megabytes(text, 'SUnreclaim') + megabytes(text, 'VmallocUsed') + megabytes(text, 'Percpu');
    seen = [now, ...seen].slice(0, 4);
    if ((seen.length === 4 && Math.max(...seen) - Math.min(...seen) < 0.3) || monotonic() > deadline) return now;
  }
}

/** They are told in units of 1024 octets. */
function megabytes(text: string, name: string): number {
  return (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024) / 1e6;
}
