import { Etcd3 } from 'etcd3';
import { EtcdFailure, failureOf } from './etcd-failure.js';

/** PEM texts: the authorities of etcd's certificate, and our own, if etcd asks for one. */
export interface EtcdTls {
  readonly ca: Buffer;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

/** A stream in both directions. Ends with `error`, also when it was cancelled, or with `end`. */
export interface Duplex<Request, Response> {
  write(message: Request): void;
  end(): void;
  cancel(): void;
  on(event: 'data', told: (message: Response) => void): this;
  on(event: 'error', told: (error: unknown) => void): this;
  on(event: 'end', told: () => void): this;
}

interface CallLimits {
  readonly token?: string | undefined;
  readonly limitMs: number;
}

type Callback = (error: unknown, response: unknown) => void;
type UnaryMethod = (request: object, metadata: unknown, options: object, done: Callback) => void;
type DuplexMethod = (metadata: unknown, options: object) => Duplex<object, never>;

/** gRPC's connectivity states (grpc-js, src/connectivity-state.ts). */
const [ready, transientFailure] = [2, 3];
/** How long a connection may take to be made, in milliseconds. */
const connectMs = 1500;

/**
 * One connection with one member of etcd. Of the client library its protocol and its connections are used. Its own retries are not: they
 * send a transaction again of which it is not known whether it was carried out, and so tell its author that somebody else was faster.
 */
export class EtcdConnection {
  readonly #client: Client;

  /** @param generation a number that no other connection of this process with the endpoint has. */
  constructor(
    readonly endpoint: string,
    tls: EtcdTls | undefined,
    generation: number,
  ) {
    this.#client = new Client({
      hosts: `${tls ? 'https' : 'http'}://${endpoint}`,
      ...(tls ? { credentials: { rootCertificate: tls.ca, ...(tls.cert && tls.key ? { certChain: tls.cert, privateKey: tls.key } : {}) } } : {}),
      grpcOptions: {
        // grpc-js shares a TCP connection among all clients with equal options, also one that is dead. A name of its own makes a new one.
        'grpc.primary_user_agent': `netctld-${process.pid}-${generation}`,
        'grpc.max_receive_message_length': -1,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 500,
        // etcd is spoken to directly: what the environment says of proxies is for others.
        'grpc.enable_http_proxy': 0,
      },
    });
  }

  /** @throws EtcdFailure */
  async unary<T>(service: string, method: string, request: object, { token, limitMs }: CallLimits): Promise<T> {
    const deadline = Date.now() + limitMs;
    const { client, metadata } = await this.#open(service, token, limitMs);
    return new Promise<T>((resolve, reject) => {
      (client[method] as UnaryMethod)(request, metadata, { deadline }, (error, response) => (error ? reject(failureOf(error)) : resolve(response as T)));
    });
  }

  /** @throws EtcdFailure */
  async exchange<T>(service: string, method: string, request: object, { token, limitMs }: CallLimits): Promise<T> {
    const deadline = Date.now() + limitMs;
    const { client, metadata } = await this.#open(service, token, limitMs);
    return new Promise<T>((resolve, reject) => {
      const stream = (client[method] as DuplexMethod)(metadata, { deadline });
      stream.on('data', resolve);
      stream.on('error', (error) => reject(failureOf(error)));
      stream.on('end', () => reject(new EtcdFailure('away', 'the stream ended without an answer', false)));
      stream.write(request);
      stream.end();
    });
  }

  /** @throws EtcdFailure */
  async duplex<Request, Response>(service: string, method: string, { token }: Pick<CallLimits, 'token'>): Promise<Duplex<Request, Response>> {
    const { client, metadata } = await this.#open(service, token, connectMs);
    const stream = (client[method] as DuplexMethod)(metadata, {}) as unknown as Duplex<Request, Response>;
    // Who cancels it before he listens has no use for what comes of that, and without a listener Node.js ends the process.
    return stream.on('error', () => undefined);
  }

  close(): void {
    this.#client.close();
  }

  async #open(service: string, token: string | undefined, limitMs: number): Promise<{ client: Record<string, unknown>; metadata: unknown }> {
    const { client, metadata } = await this.#client.service(service).catch((error: unknown) => {
      throw new EtcdFailure('away', error instanceof Error ? error.message : String(error), true);
    });
    // A member that is cut off from the others says so at once, and does not keep the call until it has found them again.
    metadata.set('hasleader', 'true');
    if (token !== undefined) metadata.set('token', token);
    await connected(client.getChannel(), Math.min(limitMs, connectMs));
    return { client: client as unknown as Record<string, unknown>, metadata };
  }
}

class Client extends Etcd3 {
  service(name: string) {
    return this.pool.withConnection(name as 'KV', ({ client, metadata }) => ({ client, metadata }));
  }
}

interface Channel {
  getConnectivityState(connect: boolean): number;
  watchConnectivityState(state: number, deadline: number, changed: (error?: Error) => void): void;
}

/**
 * Resolves when the connection is there or was refused, of which a call will say why. One that takes too long fails here, where it is certain that
 * nothing was sent.
 */
async function connected(channel: Channel, limitMs: number): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === ready || state === transientFailure) return;
    if (Date.now() >= end) throw new EtcdFailure('away', `no connection within ${limitMs} ms`, true);
    await new Promise<void>((resolve) => channel.watchConnectivityState(state, end, () => resolve()));
  }
}
