import type { HostTunnel } from '../model/host.js';

/** How a host's change from one key to another stands. */
export interface Turnover {
  /** Whether the newest key has a session with every key of every host that is there. */
  readonly newestIsConnected: boolean;
  /** How long the first one has been the first, in milliseconds. */
  readonly firstForMs: number;
}

/** How long a key is still taken when the host sends with another one, in milliseconds: until all have heard of it, and sent what they had. */
export const retirementMs = 60_000;

/**
 * A host's keys in the order in which they are published. The new one is last until everybody can send to it; then it becomes the first, to which
 * everybody sends; the old one goes some time later. With one key nothing changes.
 */
export function turnedOver<T extends Pick<HostTunnel, 'since'>>(keys: readonly T[], { newestIsConnected, firstForMs }: Turnover): readonly T[] {
  const [first] = keys;
  const newest = newestOf(keys);
  if (!first || !newest || keys.length === 1) return keys;
  if (first !== newest) return newestIsConnected ? [newest, ...keys.filter((key) => key !== newest)] : keys;
  return firstForMs >= retirementMs ? [first] : keys;
}

export function newestOf<T extends Pick<HostTunnel, 'since'>>(keys: readonly T[]): T | undefined {
  return keys.toSorted((a, b) => b.since - a.since)[0];
}
