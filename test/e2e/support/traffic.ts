import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Test } from 'tap';
import { lab, type Host } from './lab.js';

/** One try to be served: by whom, or why not. */
export interface Attempt {
  /** When it began, milliseconds since the epoch. */
  readonly at: number;
  /** How long it took. */
  readonly ms: number;
  readonly answer?: string;
  readonly error?: string;
}

/** What became of a connection that was held open. */
export type Fate = { readonly alive: true } | { readonly alive: false; readonly endedAt: number; readonly reason: string };

/** What the agent does, by the name of the request. */
export interface Requests {
  connect: { request: { host: string; port: number; times: number; from?: string }; answer: Attempt[] };
  hold: { request: { host: string; port: number }; answer: { connection: number; greeting: string } };
  say: { request: { connection: number; text: string }; answer: string };
  fate: { request: { connection: number }; answer: Fate };
  load: { request: { host: string; port: number; perSecond: number }; answer: number };
  unload: { request: { load: number }; answer: Attempt[] };
  datagram: { request: { host: string; port: number; sourcePort: number; timeoutMs: number; octets: number }; answer: Attempt };
  send: { request: { host: string; port: number; payload: string; from?: string }; answer: void };
  serve: { request: { port: number; text: string }; answer: void };
  greet: { request: { port: number; text: string; hold: boolean }; answer: void };
  listen: { request: { port: number; text: string; repeats: boolean }; answer: void };
}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Of all clients of the test together. A port that the system chose may be one that it chose a moment ago, for another client in the same
 * container, too; the router leads that to where it led then, and nobody's turn is taken.
 */
let unusedSourcePort = 10_000;

/**
 * A client in a container's network namespace: counts connections, holds some open, and makes many at
 * a steady pace. It lives as long as the test, whatever happens to Docker and netctl.
 */
export class Traffic {
  private readonly waiting = new Map<number, Waiting>();
  private counter = 0;

  private constructor(private readonly write: (line: string) => void) {}

  static async from(t: Test, host: Host, container: string): Promise<Traffic> {
    const pid = await host.docker('inspect', '--format', '{{.State.Pid}}', container);
    return Traffic.start(t, host, 'nsenter', `--net=/proc/${pid}/ns/net`);
  }

  /** The host itself as the client. */
  static on(t: Test, host: Host): Promise<Traffic> {
    return Promise.resolve(Traffic.start(t, host));
  }

  /** @param within the command that enters the client's network namespace */
  private static start(t: Test, host: Host, ...within: string[]): Traffic {
    const agent = fileURLToPath(new URL('traffic-agent.js', import.meta.url));
    const command = ['exec', host.name, '--', ...within, process.execPath, agent];
    const child = execa(lab, command, { env: { LAB_NAME: host.labName }, reject: false, buffer: false, stderr: 'inherit' });
    const traffic = new Traffic((line) => child.stdin.write(line));
    createInterface({ input: child.stdout }).on('line', (line) => traffic.take(line));
    void child.then(() => traffic.ended());
    t.teardown(async () => {
      child.stdin.end();
      await child;
    });
    return traffic;
  }

  /** So many connections, one after the other. @param from one of the container's addresses */
  connect(host: string, port: number, times: number, from?: string): Promise<Attempt[]> {
    return this.ask('connect', { host, port, times, ...(from !== undefined && { from }) });
  }

  /** Opens a connection and leaves it open. */
  async hold(host: string, port: number): Promise<Connection> {
    const { connection, greeting } = await this.ask('hold', { host, port });
    return {
      greeting,
      say: (text) => this.ask('say', { connection, text }),
      fate: () => this.ask('fate', { connection }),
    };
  }

  /** So many new connections each second, until it is ended; that returns what became of each. */
  async load(host: string, port: number, perSecond: number): Promise<() => Promise<Attempt[]>> {
    const load = await this.ask('load', { host, port, perSecond });
    return () => this.ask('unload', { load });
  }

  /**
   * Who answers a datagram from this source port. It is sent again while nobody does.
   * @param sourcePort 0 for one from which none was sent before: the router takes the next provider for it, and this one however often it is sent again
   * @param octets its length, which that of the answer must be, too; by default a short one
   */
  datagram(host: string, port: number, sourcePort: number, timeoutMs = 1000, octets = 0): Promise<Attempt> {
    return this.ask('datagram', { host, port, sourcePort: sourcePort === 0 ? unusedSourcePort++ : sourcePort, timeoutMs, octets });
  }

  /** One datagram with this payload, to which nobody answers. @param from one of the container's addresses */
  send(host: string, port: number, payload: Buffer, from?: string): Promise<void> {
    return this.ask('send', { host, port, payload: payload.toString('base64'), ...(from !== undefined && { from }) });
  }

  /**
   * Answers every datagram to a port of the container with the text and the address that it came from, and with blanks up to its
   * own length. socat's forking server, which a container can run, loses two or so of a thousand on a busy machine.
   */
  serve(port: number, text: string): Promise<void> {
    return this.ask('serve', { port, text });
  }

  /**
   * Says the text and the client's address to every connection on a port of the container, and then closes it, or
   * repeats each line that it gets. Thousands of connections are answered at the pace of the client, where a program
   * that forks for each is much slower.
   */
  listen(port: number, text: string, then: 'closes' | 'repeats'): Promise<void> {
    return this.ask('listen', { port, text, repeats: then === 'repeats' });
  }

  /**
   * Says the text to every connection to a TCP port of the container, and repeats what it is told if it is to `hold`; otherwise it closes. In one
   * process, whatever the number of connections.
   */
  greet(port: number, text: string, hold: boolean): Promise<void> {
    return this.ask('greet', { port, text, hold });
  }

  private ask<K extends keyof Requests>(op: K, request: Requests[K]['request']): Promise<Requests[K]['answer']> {
    this.counter += 1;
    const id = this.counter;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.write(`${JSON.stringify({ id, op, request })}\n`);
    });
  }

  private take(line: string): void {
    const { id, answer, error } = JSON.parse(line) as { id: number; answer?: never; error?: string };
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(answer as never);
    else waiting?.reject(new Error(error));
  }

  private ended(): void {
    for (const { reject } of this.waiting.values()) reject(new Error('the client has ended'));
    this.waiting.clear();
  }
}

export interface Connection {
  /** The first line that came. */
  readonly greeting: string;
  /** Sends a line; the line that came back. Rejects if the connection has ended. */
  say(text: string): Promise<string>;
  fate(): Promise<Fate>;
}

/** How many of the attempts each one answered; errors count under their own names. */
export function answers(attempts: readonly Attempt[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { answer, error } of attempts) {
    const name = answer ?? error ?? '';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
