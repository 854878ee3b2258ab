import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { RequestOptions } from 'node:https';
import { Failure } from './failure.js';
import { describeTarget, type Target } from './target.js';
import { unreachable } from './unreachable.js';

/** How long to wait for an answer, in milliseconds. */
export interface Patience {
  readonly read: number;
  /** Longer: netctld makes and removes Docker networks before it answers. */
  readonly change: number;
}
const usualPatience: Patience = { read: 10_000, change: 60_000 };

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Speaks netctld's REST API. Answers are not validated: both ends share src/wire/objects.ts, and loading its
 * schemas would take longer than most commands.
 *
 * Every method throws Failure: `request` if there was no answer, `server` if netctld refused.
 */
export class ApiClient {
  constructor(
    private readonly target: Target,
    private readonly patience: Patience = usualPatience,
  ) {}

  async get<T>(path: string): Promise<T> {
    return this.parse<T>(accepted(await this.ask('GET', path)));
  }

  /** The object, or undefined if netctld knows none of that name. */
  async find<T>(path: string): Promise<T | undefined> {
    const answer = await this.ask('GET', path);
    return answer.status === 404 ? undefined : this.parse<T>(accepted(answer));
  }

  /** The lines of an answer that goes on for as long as netctld lives. Ends well when netctld ends it. */
  async *lines(path: string): AsyncGenerator<string> {
    const response = await this.open(path);
    if (response.statusCode !== 200) throw new Failure('server', accepted({ status: response.statusCode ?? 0, body: await readAll(response) }).body);
    try {
      yield* linesOf(response);
    } catch (error) {
      throw unreachable(error, this.target, { changes: false, patience: this.patience.read });
    }
  }

  /** Creates or updates, and gives the object as netctld keeps it. */
  post<T>(path: string, body: T): Promise<T> {
    return this.change<T>('POST', path, body);
  }

  /** Changes something, and gives what netctld answers. */
  async change<T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown): Promise<T> {
    return this.parse<T>(accepted(await this.ask(method, path, body === undefined ? undefined : JSON.stringify(body))));
  }

  async delete(path: string): Promise<void> {
    accepted(await this.ask('DELETE', path));
  }

  /** The patience is for the beginning of the answer only. */
  private async open(path: string): Promise<IncomingMessage> {
    const begin = await requestTo(this.target);
    return new Promise<IncomingMessage>((resolve, reject) => {
      const { signal: _, ...options } = this.options('GET', path, this.patience.read);
      const call = begin(options, (response) => {
        call.setTimeout(0);
        resolve(response);
      });
      call.setTimeout(this.patience.read, () => call.destroy(new DOMException('no answer', 'TimeoutError')));
      call.on('error', reject);
      call.end();
    }).catch((error: unknown) => {
      throw unreachable(error, this.target, { changes: false, patience: this.patience.read });
    });
  }

  private async ask(method: Method, path: string, body?: string): Promise<Answer> {
    const patience = method === 'GET' ? this.patience.read : this.patience.change;
    try {
      return await exchange(await requestTo(this.target), this.options(method, path, patience, body), body);
    } catch (error) {
      throw unreachable(error, this.target, { changes: method !== 'GET', patience });
    }
  }

  private options(method: Method, path: string, patience: number, body?: string): RequestOptions {
    const { target } = this;
    const place =
      target.kind === 'unix'
        ? { socketPath: target.path, path }
        : { host: target.hostname, port: target.port, path: target.basePath + path, ...target.certificates, minVersion: 'TLSv1.2' as const };
    const content = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const headers = { accept: 'application/json', ...content };
    // A kept connection would keep this process alive.
    return { ...place, method, headers, agent: false, signal: AbortSignal.timeout(patience) };
  }

  private parse<T>(answer: Answer): T {
    try {
      return JSON.parse(answer.body) as T;
    } catch {
      throw new Failure('server', `what answered at ${describeTarget(this.target)} does not speak netctld's API: check the address`);
    }
  }
}

type Request = (options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest;

/** TLS is loaded only by those who use it. */
async function requestTo(target: Target): Promise<Request> {
  return target.kind === 'https' ? (await import('node:https')).request : request;
}

function exchange(begin: Request, options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = begin(options, (response) => {
      readAll(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** What follows the last line break was cut off with its sender, and is not a line. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk as string;
  return text;
}

/** @throws Failure `server` with the sentence that netctld answered. */
function accepted(answer: Answer): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const sentence = answer.body.trim();
  throw new Failure('server', sentence || `netctld refused with status ${answer.status} and gave no reason: see its log`);
}
