import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { inNamespace } from '../../daemon/kernel/netns.js';
import type { Protocol } from '../../src/model/service.js';

/** What a probe is told to do. Times are in milliseconds; the answer `silence` means that they ran out. */
export type ProbeTask =
  /** Answers every TCP connection, every line in it, and every datagram, with its name and the address that it sees. */
  | { readonly do: 'serve'; readonly name: string; readonly protocol: Protocol; readonly port: number }
  /** Makes a new connection, or sends a datagram from a new socket, and says what is answered. */
  | { readonly do: 'ask'; readonly protocol: Protocol; readonly address: string; readonly port: number; readonly sourcePort?: number; readonly patience: number }
  /** Asks so many times, several at once, in turn from the addresses if there are any, and gives the answers in order, as JSON. */
  | { readonly do: 'survey'; readonly protocol: Protocol; readonly address: string; readonly port: number; readonly times: number; readonly sources: readonly string[]; readonly patience: number }
  /** Makes a TCP connection that stays, and says what is answered. */
  | { readonly do: 'open'; readonly connection: number; readonly address: string; readonly port: number; readonly patience: number }
  /** Sends a line through a connection that was opened, and says what is answered. */
  | { readonly do: 'say'; readonly connection: number; readonly patience: number }
  /** Ends a connection that was opened, and says `ended` when the other side has ended it, too. */
  | { readonly do: 'end'; readonly connection: number; readonly patience: number };

export interface ProbeRequest {
  readonly id: number;
  readonly task: ProbeTask;
}

export interface ProbeReply {
  readonly id: number;
  readonly word: string;
}

/** A process in a network namespace that stands for what runs in a container: servers and clients. */
export class Probe {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (word: string) => void>();
  #last = 0;

  /** @param namespace its name for `ip netns`. */
  constructor(namespace: string) {
    const program = new URL('probe-process.js', import.meta.url);
    this.#child = inNamespace(`/run/netns/${namespace}`, () => fork(program, { execArgv: [] }));
    this.#child.on('message', ({ id, word }: ProbeReply) => {
      this.#waiting.get(id)?.(word);
      this.#waiting.delete(id);
    });
  }

  do(task: ProbeTask): Promise<string> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, task } satisfies ProbeRequest);
    });
  }

  /** The process ends as a killed container's does; what is asked later is never answered. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}
