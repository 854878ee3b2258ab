import type { Finding } from './finding.js';

/** What netctld needs of its host, as it is. */
export interface HostFacts {
  /** `uname -r`. */
  readonly kernel: string;
  /** What each program says of its version; undefined: it is not there, or does not run. */
  readonly programs: Readonly<Record<Program, string | undefined>>;
  readonly bridgeNetfilter: boolean;
  /** Whether the host forwards IPv4. */
  readonly forwarding: boolean;
  /** Free space where the state is, in bytes. */
  readonly freeBytes: number;
  readonly stateWritable: boolean;
  /** Whether what Docker would ask at the plugin's socket is answered. */
  readonly pluginAnswers: boolean;
  /** Undefined: Docker does not answer. */
  readonly dockerVersion: string | undefined;
  readonly connections: readonly ConnectionTable[];
}

export const programs = ['nft', 'conntrack', 'ip', 'iptables'] as const;
export type Program = (typeof programs)[number];

/** A router's table of connections: how many there are, and how many there can be. */
export interface ConnectionTable {
  readonly tenant: string;
  readonly count: number;
  readonly most: number;
}

/** Older ones lack reject in prerouting (5.9) or are not known to work. */
const oldestKernel = '5.10';
const oldestNft = '1.0.1';
const oldestDocker = '20.10';

/** The state is some megabytes; LevelDB writes it anew while it tidies up. */
const littleSpace = 100 * 1024 * 1024;
const noSpace = 5 * 1024 * 1024;

/** From this share on a burst of connections may fill the table. */
const fullTable = 0.8;

/** @param hasUplinks some tenant reaches the outside through the host. */
export function judgeHost(facts: HostFacts, hasUplinks: boolean): Finding[] {
  return [
    judgeKernel(facts),
    ...judgePrograms(facts),
    judgeBridges(facts),
    ...(hasUplinks ? [judgeForwarding(facts)] : []),
    judgeDocker(facts),
    judgePlugin(facts),
    judgeState(facts),
    ...facts.connections.flatMap(judgeConnections),
  ];
}

function judgeKernel({ kernel }: HostFacts): Finding {
  return atLeast(kernel, oldestKernel)
    ? ok('kernel', `Linux ${kernel}`)
    : failed('kernel', `Linux ${kernel} is older than ${oldestKernel}`, 'use a newer kernel');
}

function judgePrograms({ programs: found }: HostFacts): Finding[] {
  return programs.map((program) => {
    const version = found[program];
    if (version === undefined) return missing(program);
    if (program === 'nft' && !atLeast(version, oldestNft)) return failed(program, `nft ${version} is older than ${oldestNft}`, 'install a newer nftables');
    return ok(program, `${program} ${version}`);
  });
}

function missing(program: Program): Finding {
  const packages: Record<Program, string> = { nft: 'nftables', conntrack: 'conntrack', ip: 'iproute2', iptables: 'iptables' };
  // Docker itself cannot do without; where it does, nothing in iptables is in our way.
  if (program === 'iptables') return warning(program, 'the program iptables does not run: a firewall made with it cannot be told to let containers out', 'install the package iptables');
  return failed(program, `the program ${program} does not run`, `install the package ${packages[program]}`);
}

function judgeBridges({ bridgeNetfilter }: HostFacts): Finding {
  return bridgeNetfilter
    ? ok('bridge netfilter', 'the kernel has bridge netfilter')
    : failed('bridge netfilter', 'the kernel has no bridge netfilter: services do not work within a network', 'run "modprobe br_netfilter", and have it loaded at each start: /etc/modules-load.d');
}

function judgeForwarding({ forwarding }: HostFacts): Finding {
  return forwarding
    ? ok('forwarding', 'the host forwards packets')
    : failed('forwarding', 'the host does not forward packets: containers do not reach the outside, and published ports lead nowhere', 'run "netctl doctor --repair", or "sysctl -w net.ipv4.ip_forward=1"');
}

function judgeDocker({ dockerVersion }: HostFacts): Finding {
  if (dockerVersion === undefined) return failed('docker', 'Docker does not answer', 'start Docker, or tell netctld its socket with --docker-socket');
  return atLeast(dockerVersion, oldestDocker)
    ? ok('docker', `Docker ${dockerVersion}`)
    : failed('docker', `Docker ${dockerVersion} is older than ${oldestDocker}`, 'install a newer Docker');
}

function judgePlugin({ pluginAnswers }: HostFacts): Finding {
  return pluginAnswers
    ? ok('plugin', 'the plugin answers at its socket')
    : failed('plugin', 'the plugin does not answer at its socket: Docker cannot start containers on netctl networks', 'restart netctld');
}

function judgeState({ freeBytes, stateWritable }: HostFacts): Finding {
  const free = `${Math.floor(freeBytes / 1024 / 1024)} MiB are free`;
  if (!stateWritable) return failed('state', 'the directory of the state cannot be written', 'make it writable for root, or mount its file system for writing');
  if (freeBytes < noSpace) return failed('state', `${free} where the state is: nothing can be changed`, 'make room on its disk');
  if (freeBytes < littleSpace) return warning('state', `only ${free} where the state is`, 'make room on its disk');
  return ok('state', `the state can be written, and ${free}`);
}

function judgeConnections({ tenant, count, most }: ConnectionTable): Finding[] {
  if (count < most * fullTable) return [];
  return [warning(`connections of ${tenant}`, `the router of tenant ${tenant} tracks ${count} connections of at most ${most}`, 'raise net.netfilter.nf_conntrack_max')];
}

const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message });
const warning = (check: string, message: string, remedy: string): Finding => ({ check, status: 'warning', message, remedy });
const failed = (check: string, message: string, remedy: string): Finding => ({ check, status: 'failed', message, remedy });

/** Compares the numbers that versions begin with: `6.1.0-13-amd64`, `v1.0.6`, `20.10.24+dfsg1`. */
function atLeast(version: string, oldest: string): boolean {
  const [found, wanted] = [numbersOf(version), numbersOf(oldest)];
  for (const [index, number] of wanted.entries()) {
    const other = found[index] ?? 0;
    if (other !== number) return other > number;
  }
  return true;
}

function numbersOf(version: string): number[] {
  return (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);
}
