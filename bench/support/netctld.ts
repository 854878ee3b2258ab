import { execa } from 'execa';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { monotonic } from './clock.js';
import type { Lab } from './lab.js';
import { familySeconds } from './processor-time.js';
import { Rest } from './rest.js';
import { projectRoot } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** The netctld of a lab host, in the place of the one that the lab started: so it is known when it is started, and nobody asks it for a sign of life meanwhile. */
export class Netctld {
  readonly rest: Rest;
  private running: { readonly pid: number; readonly end: () => Promise<void> } | undefined;

  private constructor(
    private readonly lab: Lab,
    readonly root: string,
  ) {
    this.rest = new Rest(`${root}/run/netctl/netctl.sock`);
  }

  /** It does not run yet. */
  static async inPlaceOf(lab: Lab, teardown: Teardown): Promise<Netctld> {
    await lab.stop(1, 'netctld');
    const netctld = new Netctld(lab, lab.root('h1'));
    teardown(() => netctld.stop());
    return netctld;
  }

  /** When it was started, in milliseconds of the monotonic clock. It goes on until it is stopped. */
  start(): number {
    const command = ['env', `NETCTLD_NODE=${process.execPath}`, process.env['LAB_NETCTLD'] ?? join(projectRoot(), 'bin', 'netctld')];
    const began = monotonic();
    const child = execa('nsenter', ['--target', String(this.lab.pid('h1')), '--net', '--mount', '--uts', '--wdns=/', '--', ...command], { stdin: 'ignore', all: true, buffer: false, reject: false });
    let said = '';
    child.all.on('data', (part) => (said = (said + String(part)).slice(-5000)));
    let ending = false;
    void child.then(() => ending || console.error(`bench: netctld ended by itself; it said last:\n${said}`));
    this.running = {
      pid: child.pid ?? NaN,
      end: async () => {
        ending = true;
        child.kill();
        await child;
      },
    };
    return began;
  }

  async stop(): Promise<void> {
    this.rest.close();
    await this.running?.end();
    this.running = undefined;
  }

  get pid(): number {
    return this.running?.pid ?? NaN;
  }

  /** Seconds of processor time that it has taken since its start, with the programs that it started. */
  processorSeconds(): number {
    return this.running ? familySeconds(this.running.pid) : 0;
  }

  /** Waits until it answers. */
  async untilReady(): Promise<void> {
    const deadline = monotonic() + 60_000;
    while (!(await this.rest.ask('GET', '/healthz').catch(() => undefined))) {
      if (monotonic() > deadline) throw new Error('netctld does not answer after 60 s');
      await setTimeout(20);
    }
  }

  /** Waits until it has nothing to do: in two seconds it takes less than a twentieth of a processor. */
  async untilAtRest(): Promise<void> {
    const deadline = monotonic() + 120_000;
    for (let before = NaN; ; ) {
      const used = this.processorSeconds();
      if (used - before < 0.1) return;
      if (monotonic() > deadline) throw new Error('netctld has something to do after two minutes');
      before = used;
      await setTimeout(2000);
    }
  }

  /** The sum of its counters of that name, whatever their labels, of those with this text in their labels. */
  async counted(name: string, labels = ''): Promise<number> {
    const lines = (await this.rest.ask('GET', '/metrics')).split('\n').filter((line) => line.startsWith(name) && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
}
