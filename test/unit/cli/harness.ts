import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { netctlFile } from '../../support/programs.js';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}
export interface Reply {
  readonly status: number;
  /** A text is sent as it is, as netctld sends its refusals; all else as JSON. */
  readonly body: unknown;
  /** The answer goes on: more could follow, and nothing does. */
  readonly open?: boolean;
}
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An HTTP server on a Unix socket of its own that answers what it is told to, and remembers what it was asked. */
export class Api {
  readonly seen: Seen[] = [];
  private readonly server: Server;

  private constructor(
    private readonly directory: string,
    private readonly replies: Readonly<Record<string, Reply | readonly Reply[]>>,
  ) {
    this.server = createServer((request, response) => {
      void this.answer(request).then(({ status, body, open }) => {
        response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' });
        response.write(typeof body === 'string' ? body : JSON.stringify(body));
        if (!open) response.end();
      });
    });
  }

  /** Replies are found by `METHOD /path/`; of several, each is given once and the last one from then on. */
  static async listen(replies: Readonly<Record<string, Reply | readonly Reply[]>>): Promise<Api> {
    const api = new Api(mkdtempSync(join(tmpdir(), 'netctl-cli-')), replies);
    await new Promise<void>((resolve) => api.server.listen(api.socket, resolve));
    return api;
  }

  get socket(): string {
    return join(this.directory, 'netctl.sock');
  }

  /** `METHOD /path/` of every request so far. */
  get asked(): string[] {
    return this.seen.map(({ method, path }) => `${method} ${path}`);
  }

  netctl(...words: readonly string[]): Promise<Result> {
    return netctl(words, { NETCTL_HOST: `unix://${this.socket}` });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.directory, { recursive: true });
  }

  private async answer(request: IncomingMessage): Promise<Reply> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
    const { method = '', url: path = '' } = request;
    const earlier = this.seen.filter((seen) => seen.method === method && seen.path === path).length;
    this.seen.push({ method, path, body: text === '' ? undefined : (JSON.parse(text) as unknown) });
    const prepared = [this.replies[`${method} ${path}`] ?? { status: 404, body: `${path} was not found` }].flat();
    return prepared[Math.min(earlier, prepared.length - 1)] as Reply;
  }
}

/** Runs the command line with an environment of only what is given, so that the tester's own does not matter. */
export function netctl(words: readonly string[], env: Record<string, string> = {}, options: SpawnOptions = {}): Promise<Result> {
  return finished(start(words, env, options));
}

export function start(words: readonly string[], env: Record<string, string> = {}, options: SpawnOptions = {}): ChildProcess {
  // By way of env(1): a test runner that follows its children through NODE_OPTIONS would make them slower and, for one
  // that runs as another user, fail.
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return spawn('env', ['-i', ...variables, process.execPath, netctlFile, ...words], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

/** The same at a terminal, where somebody types; stdout has all that he sees. */
export function atTerminal(words: readonly string[], env: Record<string, string>, typed: string): Promise<Result> {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const command = ['env', '-i', ...variables, process.execPath, netctlFile, ...words].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qfec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'] });
  // The end of the input is that of what is typed, by which script(1) ends, too.
  child.stdin.end(typed);
  return finished(child).then(({ stdout, ...result }) => ({ ...result, stdout: stdout.replaceAll('\r', '') }));
}

export function finished(child: ChildProcess): Promise<Result> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** For answers that need no thought. */
export const ok = (body: unknown): Reply => ({ status: 200, body });
export const refused = (status: number, sentence: string): Reply => ({ status, body: sentence });
