import { constants } from 'node:os';

const numbers: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));

/** The first real-time signal that glibc leaves to programs, and the last one. */
const realTime = { first: 34, last: 64 } as const;

/** SIGKILL: a container has no say in it. */
export const killSignal = constants.signals.SIGKILL;

/**
 * The number of a signal in any of the ways that Docker takes it: `15`, `SIGTERM`, `term`,
 * `SIGRTMIN+3`. Undefined if it names no signal.
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) return Number(text) > 0 && Number(text) <= realTime.last ? Number(text) : undefined;
  const name = text.toUpperCase().replace(/^SIG/, '');
  return numbers.get(`SIG${name}`) ?? realTimeSignal(name);
}

/** Docker's `--stop-signal`, or SIGTERM where there is none or it names no signal, which is what Docker itself does. */
export function stopSignalOf(text: string | undefined): number {
  return parseSignal(text ?? '') ?? constants.signals.SIGTERM;
}

function realTimeSignal(name: string): number | undefined {
  const match = /^RT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (!match) return undefined;
  const number = name.startsWith('RTMIN') ? realTime.first + Number(match[1] ?? 0) : realTime.last - Number(match[2] ?? 0);
  return number >= realTime.first && number <= realTime.last ? number : undefined;
}
