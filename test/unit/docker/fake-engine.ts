import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A container as `docker inspect` has it; a test sets what matters to it. */
export interface FakeContainer {
  state: string;
  labels: Record<string, string>;
  health?: string;
  stopSignal?: string;
  stopTimeout?: number;
  startedAt: number;
  networks: Record<string, { NetworkID: string; EndpointID: string }>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/**
 * An HTTP server that speaks the endpoints of the Docker engine that netctl uses, on a Unix socket.
 * Tests change its containers and send events as they like, and put other answers in its place.
 */
export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  /** Requests as `METHOD /path`, without the query. */
  readonly requests: string[] = [];
  readonly queries: URLSearchParams[] = [];
  readonly bodies: string[] = [];
  /** Answers instead of the engine, by `METHOD /path`. */
  readonly instead = new Map<string, Handler>();
  /** Events of the past, which each new stream begins with. */
  readonly past: object[] = [];
  private readonly streams = new Set<ServerResponse>();
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  private constructor(readonly socketPath: string) {}

  /** The engine, not started yet. */
  static async make(t: { teardown(fn: () => Promise<void>): unknown }): Promise<FakeEngine> {
    const directory = await mkdtemp(join(tmpdir(), 'netctl-docker-'));
    const engine = new FakeEngine(join(directory, 'docker.sock'));
    t.teardown(async () => {
      await engine.stop();
      await rm(directory, { recursive: true, force: true });
    });
    return engine;
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => void this.serve(request, response));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.server.listen(this.socketPath);
    await once(this.server, 'listening');
  }

  /** As a crash: every connection is cut and the socket is gone. */
  async stop(): Promise<void> {
    if (!this.server?.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Cuts the streams of events only. */
  cutStreams(): void {
    for (const stream of this.streams) stream.destroy();
  }

  get listeners(): number {
    return this.streams.size;
  }

  run(id: string, more: Partial<FakeContainer> = {}): FakeContainer {
    const container: FakeContainer = { state: 'running', labels: {}, startedAt: Date.now() - 60_000, networks: {}, ...more };
    this.containers.set(id, container);
    return container;
  }

  /** Sends a container event to who listens. */
  emit(id: string, action: string, attributes: Record<string, string> = {}, timeMs = Date.now()): void {
    this.emitRaw(`${JSON.stringify(containerEvent(id, action, attributes, timeMs))}\n`);
  }

  emitRaw(text: string): void {
    for (const stream of this.streams) stream.write(text);
  }

  count(request: string): number {
    return this.requests.filter((known) => known === request).length;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://docker');
    const key = `${request.method} ${url.pathname}`;
    this.requests.push(key);
    this.queries.push(url.searchParams);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    this.bodies.push(Buffer.concat(chunks).toString());
    const instead = this.instead.get(key);
    if (instead) return instead(request, response);
    if (key === 'GET /events') return this.openStream(response);
    if (key === 'GET /containers/json') return json(response, 200, [...this.containers].map(([id, container]) => summaryOf(id, container)));
    const id = /^GET \/containers\/(\w+)\/json$/.exec(key)?.[1];
    const container = id === undefined ? undefined : this.containers.get(id);
    if (id === undefined || !container) return json(response, 404, { message: `No such container: ${id}` });
    json(response, 200, inspection(id, container));
  }

  private openStream(response: ServerResponse): void {
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    for (const event of this.past) response.write(`${JSON.stringify(event)}\n`);
  }
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

export function containerEvent(id: string, action: string, attributes: Record<string, string>, timeMs: number): object {
  return { status: action, id, Type: 'container', Action: action, Actor: { ID: id, Attributes: attributes }, scope: 'local', time: Math.floor(timeMs / 1000), timeNano: timeMs * 1e6 };
}

/** The fields of Docker 20.10.24's answer that matter, and some that do not. */
export function inspection(id: string, container: FakeContainer): object {
  return {
    Id: id,
    Created: '2024-01-01T00:00:00.000000000Z',
    Name: `/name-of-${id}`,
    State: {
      Status: container.state,
      Running: container.state === 'running',
      StartedAt: new Date(container.startedAt).toISOString(),
      FinishedAt: '0001-01-01T00:00:00Z',
      ...(container.health !== undefined && { Health: { Status: container.health, FailingStreak: 0, Log: [] } }),
    },
    Config: {
      Labels: container.labels,
      ...(container.stopSignal !== undefined && { StopSignal: container.stopSignal }),
      ...(container.stopTimeout !== undefined && { StopTimeout: container.stopTimeout }),
    },
    NetworkSettings: { Bridge: '', Networks: container.networks },
  };
}

function summaryOf(id: string, container: FakeContainer): object {
  return {
    Id: id,
    Names: [`/name-of-${id}`],
    Labels: container.labels,
    State: container.state,
    Status: `Up 2 minutes${container.health === undefined ? '' : ` (${container.health})`}`,
    NetworkSettings: { Networks: container.networks },
  };
}
