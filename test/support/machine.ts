import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { execa } from 'execa';

/** What a lab must leave as it is: the machine's own network, firewall, sysctls, mounts, cgroups and Docker. */
export type Machine = Record<string, unknown>;

/** Kernel settings that are counters, or follow from time. */
const MOVING = /^net\.netfilter\.nf_conntrack_count\b|^net\.ipv4\.neigh|random/;

/** The commands of the firewall differ from machine to machine: one that is missing has nothing to compare. */
async function output(command: string, ...args: string[]): Promise<string> {
  const { stdout, failed } = await execa(command, args, { reject: false, stdin: 'ignore' });
  return failed ? '' : stdout;
}

const json = async (...args: string[]): Promise<unknown> => JSON.parse((await output('ip', '-j', ...args)) || '[]');

const withoutCounters = (rules: string): string => rules.replaceAll(/^#.*$/gm, '').replaceAll(/\[\d+:\d+\]/g, '');

async function settings(): Promise<string[]> {
  return (await output('sysctl', '-a', '-r', '^net\\.')).split('\n').filter((line) => !MOVING.test(line));
}

const mounts = (): string[] => readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n').map((line) => line.split(' ').slice(3).join(' '));

/** Reads all of it. */
export async function readMachine(): Promise<Machine> {
  return {
    links: await json('link'),
    addresses: await json('address'),
    routes: [await json('route', 'show', 'table', 'all'), await json('-6', 'route', 'show', 'table', 'all')],
    rules: [await json('rule'), await json('-6', 'rule')],
    namespaces: await json('netns'),
    nftables: await output('nft', 'list', 'ruleset', '--stateless'),
    iptables: withoutCounters(await output('iptables-save')),
    ip6tables: withoutCounters(await output('ip6tables-save')),
    settings: await settings(),
    mounts: mounts(),
    hostname: (await output('hostname')).trim(),
  };
}

/** Processes that are in a cgroup below this name, in any hierarchy. A zombie has ended and only waits to be read. */
export function processesIn(cgroup: string): string[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && belongs(entry, cgroup));
}

function belongs(pid: string, cgroup: string): boolean {
  try {
    readlinkSync(`/proc/${pid}/ns/net`); // a zombie has no namespaces any more
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${cgroup}/`);
  } catch {
    return false;
  }
}
