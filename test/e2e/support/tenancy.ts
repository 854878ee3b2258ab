import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Broken, type DockerCaller } from './docker-caller.js';

/** Before a user tries again what was refused, in milliseconds. */
const restMs = 300;

/** What Docker does not know of is taken back after a minute; Docker knows nothing of these. In milliseconds. */
const sureMs = 55_000;

/** Who has which address at this moment, over all hosts: nobody may get one that somebody has. */
export class Register {
  readonly #holders = new Map<string, { readonly holder: string; readonly since: number }>();
  /** Addresses that were given to two. */
  readonly twice: string[] = [];
  /** Calls of which nobody knows whether they were carried out; each may have left an address that is held for nobody. */
  broken = 0;
  refused = 0;
  given = 0;

  take(address: string, holder: string): void {
    const before = this.#holders.get(address);
    if (before && isSure(before.since)) this.twice.push(`${address} to ${before.holder} and to ${holder}`);
    this.#holders.set(address, { holder, since: performance.now() });
    this.given++;
  }

  give(address: string): void {
    this.#holders.delete(address);
  }
}

function isSure(since: number): boolean {
  return performance.now() - since < sureMs;
}

interface Held {
  readonly address: string;
  /** Its id. */
  readonly endpoint: string;
  readonly since: number;
}

/** What one container does of its addresses: Docker's calls, in Docker's order. */
export class Tenancy {
  #held: Held | undefined;

  constructor(
    private readonly name: string,
    private readonly docker: DockerCaller,
    private readonly register: Register,
    private readonly network: { readonly id: string; readonly pool: string; readonly prefixLength: number },
  ) {}

  /** What it has and is sure to keep. */
  get held(): Held | undefined {
    return this.#held && isSure(this.#held.since) ? this.#held : undefined;
  }

  /** `docker run`, repeated until it succeeds. */
  async begin(): Promise<void> {
    while (!this.#held) {
      this.#held = await this.tryToBegin();
      if (!this.#held) await pause(restMs);
    }
  }

  /** `docker rm`. Docker goes on whatever it is answered. */
  async end(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    this.register.give(held.address);
    await this.attempt('NetworkDriver.DeleteEndpoint', { NetworkID: this.network.id, EndpointID: held.endpoint });
    await this.attempt('IpamDriver.ReleaseAddress', { PoolID: this.network.pool, Address: held.address });
  }

  private async tryToBegin(): Promise<Held | undefined> {
    const { id, pool, prefixLength } = this.network;
    const answer = await this.attempt('IpamDriver.RequestAddress', { PoolID: pool, Address: '', Options: null });
    if (!answer) return undefined;
    const [address = ''] = String(answer['Address']).split('/');
    const since = performance.now();
    this.register.take(address, this.name);
    const endpoint = randomBytes(32).toString('hex');
    const made = await this.attempt('NetworkDriver.CreateEndpoint', { NetworkID: id, EndpointID: endpoint, Interface: { Address: `${address}/${prefixLength}`, AddressIPv6: '', MacAddress: '' }, Options: null });
    if (made) return { address, endpoint, since };
    this.register.give(address);
    await this.attempt('IpamDriver.ReleaseAddress', { PoolID: pool, Address: address });
    return undefined;
  }

  /** The answer; undefined if there was none, or a refusal. */
  private async attempt(method: string, body: object): Promise<Record<string, unknown> | undefined> {
    try {
      return await this.docker.call(method, body);
    } catch (error) {
      if (error instanceof Broken) this.register.broken++;
      else this.register.refused++;
      return undefined;
    }
  }
}
