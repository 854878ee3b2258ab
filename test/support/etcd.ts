import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Test } from 'tap';

/** How long an etcd may take to be well on a busy machine, in milliseconds. */
const patienceMs = 60_000;

/** A member of an etcd of this test's own, on loopback, with its data in memory. */
export class EtcdMember {
  #process: ChildProcess | undefined;

  constructor(
    readonly endpoint: string,
    readonly metrics: string,
    private readonly flags: readonly string[],
  ) {}

  start(): void {
    this.#process = spawn('etcd', this.flags, { stdio: 'ignore' });
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Without a chance to end well. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** It serves, and has a leader. */
  async well(): Promise<void> {
    const end = Date.now() + patienceMs;
    while (!(await this.#isWell())) {
      if (Date.now() > end) throw new Error(`etcd at ${this.endpoint} is not well after ${patienceMs} ms`);
      await pause(20);
    }
  }

  /** Whether it is the one that leads. */
  async leads(): Promise<boolean> {
    const response = await fetch(`http://${this.metrics}/metrics`, { signal: AbortSignal.timeout(5000) });
    return /^etcd_server_is_leader 1$/m.test(await response.text());
  }

  async #isWell(): Promise<boolean> {
    try {
      const response = await fetch(`http://${this.metrics}/health`, { signal: AbortSignal.timeout(5000) });
      return ((await response.json()) as { health?: unknown }).health === 'true';
    } catch {
      return false;
    }
  }
}

/** Starts members that form one etcd, and ends them with the test. @param flags go to each of them besides. */
export async function startEtcd(t: Test, { members = 1, flags = [], secure = false }: { members?: number; flags?: readonly string[]; secure?: boolean } = {}): Promise<EtcdMember[]> {
  const base = mkdtempSync(join('/dev/shm', 'netctl-etcd-'));
  const ports = await freePorts(members * 3);
  const names = Array.from({ length: members }, (_, i) => `m${i}`);
  const peer = (i: number): string => `http://127.0.0.1:${ports[i * 3 + 1] ?? 0}`;
  const scheme = secure ? 'https' : 'http';
  const started = names.map((name, i) => {
    const [endpoint, metrics] = [`127.0.0.1:${ports[i * 3] ?? 0}`, `127.0.0.1:${ports[i * 3 + 2] ?? 0}`];
    return new EtcdMember(endpoint, metrics, [
      ...['--name', name, '--data-dir', join(base, name), '--log-level', 'error', '--logger', 'zap'],
      ...['--listen-client-urls', `${scheme}://${endpoint}`, '--advertise-client-urls', `${scheme}://${endpoint}`, '--listen-metrics-urls', `http://${metrics}`],
      ...['--listen-peer-urls', peer(i), '--initial-advertise-peer-urls', peer(i), '--initial-cluster', names.map((other, j) => `${other}=${peer(j)}`).join(',')],
      ...flags,
    ]);
  });
  t.teardown(async () => {
    for (const member of started) await member.kill();
    rmSync(base, { recursive: true, force: true });
  });
  for (const member of started) member.start();
  await Promise.all(started.map((member) => member.well()));
  return started;
}

/** Ports of loopback that nobody uses now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}
