import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// What is new has 2 MiB in V8's heap (`--min-semi-space-size` of bin/netctld), which is little: whatever is still in use when they are full is copied. That is
// right for a daemon that has nothing to do. A start with thousands of services makes hundreds of megabytes at once, most of which stays: there
// copying took two fifths of the time. V8 reads the flag by which the space grows each time that it could (Heap::ConfigureHeap refuses a 1 on the command
// line, and nobody later).

/** How often it is looked whether there is still much to do, in milliseconds, and for which share of that time a processor works then. */
const [lookMs, busyShare] = [2000, 0.15] as const;
/** How long between two collections, in milliseconds. V8 only gives back what it has when there was little new for five seconds, seen at a collection. */
const collectMs = 1000;
/** The space is V8's two halves of it, in bytes: when it is no larger, all was given back. */
const smallest = 4 * 2 ** 20;

/** What looks whether there is still much to do, and what gives the space back. */
let [growing, shrinking]: [NodeJS.Timeout | undefined, NodeJS.Timeout | undefined] = [undefined, undefined];

/** The space for what is new stays as it is. */
export function keepYoungHeap(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Until this process has less to do, the space may grow to what bin/netctld allows; then it is given back. While it may, this does nothing. */
export function growYoungHeap(): void {
  if (growing) return;
  clearInterval(shrinking);
  setFlagsFromString('--semi-space-growth-factor=8');
  let last = process.cpuUsage();
  growing = setInterval(() => {
    const { user, system } = process.cpuUsage(last);
    last = process.cpuUsage();
    if (user + system > lookMs * 1000 * busyShare) return;
    clearInterval(growing);
    growing = undefined;
    keepYoungHeap();
    shrinkYoungHeap();
  }, lookMs).unref();
}

function shrinkYoungHeap(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
  shrinking = setInterval(() => {
    if (youngBytes() <= smallest) return clearInterval(shrinking);
    // A millisecond or two.
    collect({ type: 'minor' });
  }, collectMs).unref();
}

/** How large the space for what is new is, in bytes. */
export function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
}
