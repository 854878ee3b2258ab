import { setTimeout as pause } from 'node:timers/promises';
import { unavailable } from '../../src/model/errors.js';
import { EtcdConnection, type Duplex, type EtcdTls } from './etcd-connection.js';
import { EtcdFailure, explained, failureOf } from './etcd-failure.js';

/** Where etcd is, and how it is spoken to. */
export interface EtcdAccess {
  /** `host:port` of its members, at least one. */
  readonly endpoints: readonly string[];
  /** Undefined: without TLS. */
  readonly tls?: EtcdTls | undefined;
  readonly user?: { readonly name: string; readonly password: string } | undefined;
}

export interface CallOptions {
  /** It does no harm if it is carried out twice, so it may be sent again when it is not known whether it was. */
  readonly repeatable: boolean;
  /** After how many milliseconds it has failed. */
  readonly limitMs?: number;
}

const callMs = 5000;
/** A member that does not answer a call in this time is passed over, if there are others, in milliseconds. */
const memberMs = 2000;
/** When nobody answered for some time, the next one need not wait long to be told so, in milliseconds. */
const [awayMs, shortMs] = [3000, 1000];
/** A connection that is given up is kept for what is under way on it, in milliseconds. */
const retireMs = 6000;

/** The connection with etcd: with one of its endpoints at a time, and with the next one when that does not answer. */
export class EtcdLink {
  /** How etcd is called in what users read. */
  readonly name: string;
  readonly #retired = new Set<EtcdConnection>();
  #generation = 0;
  #current: EtcdConnection;
  #token: Promise<string | undefined> | undefined;
  #awaySince: number | undefined;
  #closed = false;

  constructor(private readonly access: EtcdAccess) {
    this.name = `etcd at ${access.endpoints.join(', ')}`;
    this.#current = this.#connect();
  }

  /** @throws NetctlError, with what is to be told to a user. */
  async call<T>(service: string, method: string, request: object, options: CallOptions): Promise<T> {
    try {
      return await this.request<T>(service, method, request, options);
    } catch (error) {
      throw this.explained(error);
    }
  }

  /** @throws EtcdFailure */
  async request<T>(service: string, method: string, request: object, options: CallOptions): Promise<T> {
    return this.#repeated(options, async (connection, limitMs) => connection.unary<T>(service, method, request, { token: await this.#login(connection), limitMs }));
  }

  /** Sends one message on a stream of its own, and waits for the one that answers. @throws EtcdFailure */
  async exchange<T>(service: string, method: string, request: object, options: CallOptions): Promise<T> {
    return this.#repeated(options, async (connection, limitMs) => connection.exchange<T>(service, method, request, { token: await this.#login(connection), limitMs }));
  }

  /** A stream with the present endpoint. Who finds that it is dead says so with `failed`. @throws EtcdFailure */
  async stream<Request, Response>(service: string, method: string): Promise<{ stream: Duplex<Request, Response>; failed: () => void }> {
    const connection = this.#current;
    const stream = await connection.duplex<Request, Response>(service, method, { token: await this.#login(connection) });
    return { stream, failed: () => this.#moveOn(connection) };
  }

  explained(error: unknown): Error {
    return this.#closed ? unavailable('the store is closed') : error instanceof EtcdFailure ? explained(error, this.name) : (error as Error);
  }

  close(): void {
    this.#closed = true;
    for (const connection of [this.#current, ...this.#retired]) connection.close();
    this.#retired.clear();
  }

  async #repeated<T>({ repeatable, limitMs = callMs }: CallOptions, attempt: (connection: EtcdConnection, limitMs: number) => Promise<T>): Promise<T> {
    const limit = this.#awaySince !== undefined && Date.now() - this.#awaySince > awayMs ? Math.min(limitMs, shortMs) : limitMs;
    const start = Date.now();
    const end = start + limit;
    const mayMove = repeatable && this.access.endpoints.length > 1;
    for (let failures = 0, logins = 0; ; ) {
      const connection = this.#current;
      const left = Math.max(1, end - Date.now());
      try {
        const result = await attempt(connection, mayMove ? Math.min(memberMs, left) : left);
        this.#awaySince = undefined;
        return result;
      } catch (error) {
        const failure = failureOf(error);
        if (failure.kind === 'token' && logins++ < 2) {
          this.#token = undefined;
          continue;
        }
        if (failure.kind !== 'away') throw failure;
        this.#moveOn(connection);
        const restMs = ++failures < this.access.endpoints.length ? 0 : Math.min(50 * failures, 500);
        if (failures >= this.access.endpoints.length) this.#awaySince ??= start;
        if (this.#closed || !(repeatable || failure.before) || Date.now() + restMs >= end) throw failure;
        await pause(restMs);
      }
    }
  }

  /** The token that goes with each call; etcd forgets it after five minutes, and when it restarts. */
  async #login(connection: EtcdConnection): Promise<string | undefined> {
    const { user } = this.access;
    if (!user) return undefined;
    this.#token ??= connection.unary<{ token: string }>('Auth', 'authenticate', user, { limitMs: memberMs }).then(
      ({ token }) => token,
      (error: unknown) => {
        // Who gives a user before the authentication is switched on is ready for it.
        if (failureOf(error).message.includes('authentication is not enabled')) return undefined;
        this.#token = undefined;
        throw error;
      },
    );
    return this.#token;
  }

  /** A connection on which something was not answered is never used again: half-open, it would hold all up until TCP gives up. */
  #moveOn(connection: EtcdConnection): void {
    if (connection !== this.#current || this.#closed) return;
    this.#retired.add(connection);
    setTimeout(() => {
      connection.close();
      this.#retired.delete(connection);
    }, retireMs).unref();
    this.#current = this.#connect();
  }

  #connect(): EtcdConnection {
    const { endpoints, tls } = this.access;
    const endpoint = endpoints[this.#generation % endpoints.length] ?? '';
    return new EtcdConnection(endpoint, tls, this.#generation++);
  }
}
