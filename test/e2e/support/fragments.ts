import type { Host } from './lab.js';

const counters = ['IpFragCreates', 'IpReasmReqds', 'Ip6FragCreates', 'Ip6ReasmReqds'] as const;

/** How many fragments were made or received since the namespace is there. @param within the command that enters it */
export async function fragments(host: Host, ...within: string[]): Promise<number> {
  const [command = '', ...args] = [...within, 'nstat', '-asz', ...counters];
  const counted = [...(await host.ok(command, ...args)).matchAll(/^Ip\S+\s+(\d+)/gm)].map(([, count]) => Number(count));
  if (counted.length !== counters.length) throw new Error('nstat did not tell all counters');
  return counted.reduce((sum, count) => sum + count, 0);
}

/**
 * Looks from now on at everything that hosts send each other, by a rule of the bridge between them.
 * @returns how many frames there were, and how many of them had a fragment in them
 */
export async function watchWire(wire: Host): Promise<() => Promise<{ frames: number; fragments: number }>> {
  const rules = ['counter', 'ether type ip ip frag-off & 0x3fff != 0 counter', 'ether type ip6 exthdr frag exists counter'];
  await wire.ok('nft', ['add table bridge watch', 'add chain bridge watch forward { type filter hook forward priority -1; }', ...rules.map((rule) => `add rule bridge watch forward ${rule}`)].join('; '));
  return async () => {
    const [frames = 0, ...cut] = [...(await wire.ok('nft', 'list', 'table', 'bridge', 'watch')).matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
    return { frames, fragments: cut.reduce((sum, count) => sum + count, 0) };
  };
}
