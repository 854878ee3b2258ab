import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { invalid, messageOf, NetctlError } from '../src/model/errors.js';
import { bodyLimit, readBody } from './body.js';
import { DeadlineError, withinDeadline } from './deadline.js';
import { ipamMethods } from './ipam.js';
import type { Logger } from './logger.js';
import { constant, type Call, type Method } from './method.js';
import { networkMethods } from './network-driver.js';
import type { AddressPort, EndpointPort, PublicationPort } from './ports.js';
import { freeSocketPath } from './socket.js';

const defaultDeadlineMs = 8000;

export interface PluginOptions {
  readonly addresses: AddressPort;
  readonly endpoints: EndpointPort;
  readonly publications: PublicationPort;
  readonly logger: Logger;
  /**
   * How long a call may take, in milliseconds; 8000 unless given. Docker itself waits for ever on a
   * plugin socket, and `docker run` with it.
   */
  readonly deadlineMs?: number;
  /** What is known to keep calls from ending, as a sentence: who waited for that in vain is told so. */
  readonly obstacle?: () => string | undefined;
}

export interface PluginServer {
  /**
   * Listens on a Unix socket, for root only. A socket file that nobody answers is replaced.
   * @throws NetctlError `conflict` if another process listens there.
   */
  listen(socketPath: string): Promise<void>;
  /** Takes no more calls; resolves when those that run are answered. The socket file is gone then. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** Docker's remote driver protocol, for networks and IPAM, over HTTP. Every request gets an answer before the deadline. */
export function createPluginServer(options: PluginOptions): PluginServer {
  const dispatch = new Dispatch(options);
  const server = createServer((request, response) => void dispatch.serve(request, response));
  return {
    async listen(socketPath) {
      await freeSocketPath(socketPath);
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, () => resolve(void server.off('error', reject))));
      await chmod(socketPath, 0o600);
    },
    close: () => close(server, options.deadlineMs ?? defaultDeadlineMs),
  };
}

/** Every call is answered before the deadline; who is still connected afterwards has not even sent one. */
async function close(server: Server, deadlineMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => server.close(resolve));
  const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
  await closed;
  clearTimeout(timer);
}

class Dispatch {
  /** A Map: a request for `/constructor` must find nothing. */
  private readonly methods: ReadonlyMap<string, Method>;
  private readonly log: Logger;
  private readonly deadlineMs: number;
  private readonly obstacle: () => string | undefined;

  constructor({ addresses, endpoints, publications, logger, deadlineMs = defaultDeadlineMs, obstacle = () => undefined }: PluginOptions) {
    const activate = constant('Err', { Implements: ['NetworkDriver', 'IpamDriver'] });
    this.methods = new Map(Object.entries({ 'Plugin.Activate': activate, ...networkMethods(endpoints, publications), ...ipamMethods(addresses) }));
    this.log = logger;
    this.deadlineMs = deadlineMs;
    this.obstacle = obstacle;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const name = request.url?.replace(/^\/|\?.*$/g, '') ?? '';
    send(response, await this.answer(name, request, startedMs));
  }

  private async answer(name: string, request: IncomingMessage, startedMs: number): Promise<Answer> {
    let text: string | undefined;
    try {
      // The body is read in any case: whoever still sends does not read the answer.
      text = await withinDeadline(this.deadlineMs, readBody(request));
    } catch (error) {
      return this.rejected(name, 408, `the request did not arrive whole: ${messageOf(error)}`);
    }
    const method = this.methods.get(name);
    if (!method) return this.rejected(name, 404, `netctl has no method "${name}"`);
    if (request.method !== 'POST') return this.rejected(name, 405, 'only POST is understood here');
    if (text === undefined) return this.rejected(name, 413, `the request is larger than ${bodyLimit} bytes`);
    let call: Call;
    try {
      call = method.decode(method.needsBody ? parse(text) : undefined);
    } catch (error) {
      return this.rejected(name, 400, messageOf(error));
    }
    return this.carryOut(name, method, call, startedMs);
  }

  private async carryOut(name: string, method: Method, call: Call, startedMs: number): Promise<Answer> {
    const fields = { event: 'plugin-call', call: name, ...call.ids };
    const took = (): number => Math.round(performance.now() - startedMs);
    const running = call.run();
    try {
      const body = await withinDeadline(this.deadlineMs - took(), running);
      this.log.debug({ ...fields, tookMs: took() }, `${name} done`);
      return { status: 200, body };
    } catch (error) {
      if (error instanceof DeadlineError) this.watchLate(fields, running);
      this.logFailure(error, { ...fields, tookMs: took() }, name);
      return { status: 200, body: { [method.refusalField]: this.sentence(error) } };
    }
  }

  private logFailure(error: unknown, fields: object, name: string): void {
    if (error instanceof NetctlError) this.log.warn({ ...fields, code: error.code, err: error }, `${name} refused: ${error.message}`);
    else this.log.error({ ...fields, err: error }, `${name} failed: ${messageOf(error)}`);
  }

  /** What Docker shows to its user, after words of its own. */
  private sentence(error: unknown): string {
    if (error instanceof NetctlError) return error.message;
    if (error instanceof DeadlineError) return `netctl did not finish within ${this.deadlineMs} ms: ${this.obstacle() ?? 'see its log, then try again'}`;
    return `netctl failed: ${messageOf(error)}`;
  }

  /** Docker was told that the call failed; how it really ended must be in the log. */
  private watchLate(fields: object, running: Promise<object>): void {
    running.then(
      () => this.log.warn({ ...fields, event: 'plugin-call-late' }, 'a call ended well after Docker was told that it failed'),
      (error: unknown) => this.log.warn({ ...fields, event: 'plugin-call-late', err: error }, `a call failed after its deadline: ${messageOf(error)}`),
    );
  }

  private rejected(name: string, status: number, message: string): Answer {
    this.log.warn({ event: 'plugin-request-rejected', call: name, status }, `a request for ${name} was rejected: ${message}`);
    return { status, body: { Err: message } };
  }
}

/**
 * Docker sends no Content-Type, so the body is JSON whatever the headers say. An empty one is what
 * Docker's retry sends: it reads the body from a buffer that the first try has emptied.
 */
function parse(text: string): unknown {
  if (text.trim() === '') throw invalid('the request has no body');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`the request is not JSON: ${messageOf(error)}`);
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    'Content-Type': 'application/vnd.docker.plugins.v1.2+json',
    // A connection that is kept could be closed here just when Docker sends on it; its retry then comes with an empty body.
    Connection: 'close',
    ...(status === 405 && { Allow: 'POST' }),
  });
  response.end(JSON.stringify(body));
}
