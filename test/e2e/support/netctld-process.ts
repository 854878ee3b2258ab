import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { lab, netctld, type Host } from './lab.js';
import { ask } from './unix-http.js';

/** A netctld of a lab host that the test itself started: it sees it end at once, and knows how long it takes to come back. */
export class NetctldProcess {
  /** What it wrote, newest last. */
  log = '';
  readonly ended: Promise<void>;
  hasEnded = false;
  /** Whether it was killed, and did not end by itself with an error. */
  wasKilled = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly socket: string,
  ) {
    child.stdout?.on('data', (data: Buffer) => (this.log = (this.log + data.toString()).slice(-20_000)));
    child.stderr?.on('data', (data: Buffer) => (this.log = (this.log + data.toString()).slice(-20_000)));
    this.ended = new Promise((resolve) => {
      // Not `exit`: what it wrote may still be under way then.
      child.once('close', (_, signal) => {
        this.hasEnded = true;
        this.wasKilled = signal === 'SIGKILL';
        resolve();
      });
    });
  }

  /** @param root the host's file system, as it is seen from here. */
  static launch(host: Host, root: string, options: readonly string[], env: Record<string, string> = {}): NetctldProcess {
    // `lab exec` becomes the command it is given: the child is netctld itself.
    const child = spawn(lab, ['exec', host.name, '--', ...netctld, ...options], { env: { ...process.env, LAB_NAME: host.labName, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    return new NetctldProcess(child, `${root}/run/netctl/netctl.sock`);
  }

  /** Waits until it answers that it is healthy; false if it ended before. */
  async answers(deadlineMs = 60_000): Promise<boolean> {
    const end = performance.now() + deadlineMs;
    while (!this.hasEnded && performance.now() < end) {
      const answer = await ask(this.socket, 'GET', '/healthz', undefined, 5000).catch(() => undefined);
      if (answer?.status === 200) return true;
      await setTimeout(10);
    }
    if (!this.hasEnded) throw new Error(`netctld does not answer within ${deadlineMs} ms:\n${this.log}`);
    return false;
  }

  /** Whether it ends of itself before the time is over. */
  async endsWithin(ms: number): Promise<boolean> {
    const patience = new AbortController();
    const inTime = await Promise.race([this.ended.then(() => true), setTimeout(ms, false, { signal: patience.signal }).catch(() => false)]);
    patience.abort();
    return inTime;
  }

  /** The one of the points of NETCTLD_FAULT at which it killed itself. */
  get diedAt(): string | undefined {
    return /"event":"fault-reached","fault":"([^"]+)"/.exec(this.log)?.[1];
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
