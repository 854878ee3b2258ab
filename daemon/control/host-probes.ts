import { keys } from '../../src/model/keys.js';
import { messageOf } from '../../src/model/errors.js';
import type { Host } from '../../src/model/host.js';
import { beginMtuSearch, foundMtu, learn, nextLength } from '../../src/probe/mtu-search.js';
import { afterEcho, usualRoundTrip } from '../../src/probe/round-trips.js';
import { mostThrough, probeRouter } from '../../src/probe/segment.js';
import { unknownWay, type Way } from '../../src/probe/way.js';
import type { Echo, Kernel, Pinger } from '../kernel/port.js';
import { HostSegment } from './host-segment.js';
import type { Logger } from './logger.js';
import type { State } from './state.js';

interface Parts {
  readonly kernel: Pick<Kernel, 'routers' | 'fabric'>;
  readonly pinger: Pinger;
  readonly state: State;
  readonly host: string;
  /** Of VXLAN, UDP. */
  readonly vxlanPort: number;
  /** Between two echo requests to a host, in milliseconds, give or take a half. */
  readonly intervalMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
}

/** The first requests to a host are to tell soon whether it is there. */
const firstTrips = 3;
const firstShare = 0.2;

/** How long an answer is waited for, in milliseconds: light goes around the world seven times. */
const patienceMs = 1000;
const shortestPatienceMs = 100;

/** Of the packets that are to tell whether there is a way, and how long it takes: as large as a ping's. */
const usualLength = 84;

/** Every link of IPv6 takes this (RFC 8200, section 5); of IPv4 no smaller ones are known that have VXLAN on them. */
const leastLength = 576;
const leastLengthOf6 = 1280;

/** How often the MTU of the way is looked for again, in milliseconds: a way changes seldom. */
const searchMs = 60_000;

interface Watched {
  readonly underlay: string;
  way: Way;
  /** When the MTU was last looked for, milliseconds since the epoch; undefined: not since the way was interrupted, after which it may be another. */
  searched: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Measures the way to each of the other hosts, all the time and a little at a time: whoever asks gets what is known. A host that is away
 * is asked, too: whether it still answers tells its operator much.
 */
export class HostProbes {
  private readonly watched = new Map<string, Watched>();
  private readonly segment: HostSegment;
  private readonly running = new Set<Promise<void>>();
  private stopped = false;

  constructor(private readonly parts: Parts) {
    this.segment = new HostSegment(parts);
  }

  start(): void {
    this.parts.state.onAnyChange(() => this.follow());
    this.segment.verify();
    this.follow();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const { timer } of this.watched.values()) clearTimeout(timer);
    await Promise.all([this.segment.stop(), ...this.running]);
  }

  look(): void {
    this.segment.look();
  }

  verify(): void {
    this.segment.verify();
  }

  wayTo(host: string): Way {
    const way = this.watched.get(host)?.way ?? unknownWay;
    return this.segment.error === undefined ? way : { ...way, unable: `the segment for it is not there: ${this.segment.error}` };
  }

  private follow(): void {
    if (this.stopped) return;
    this.segment.follow();
    const others = new Map(this.others().map((host) => [host.name, `${host.id} ${host.underlay.toString()} ${host.underlayMtu}`]));
    for (const [name, { underlay, timer }] of this.watched) {
      if (others.get(name) === underlay) continue;
      clearTimeout(timer);
      this.watched.delete(name);
    }
    for (const [name, underlay] of others) {
      if (this.watched.has(name)) continue;
      const host: Watched = { underlay, way: unknownWay, searched: undefined, timer: undefined };
      this.watched.set(name, host);
      this.schedule(name, host);
    }
  }

  /** At another moment for each host, so that requests do not come in bursts. */
  private schedule(name: string, host: Watched): void {
    if (this.stopped || this.watched.get(name) !== host) return;
    const { intervalMs } = this.parts;
    const usual = host.way.trips.length < firstTrips ? firstShare * intervalMs : intervalMs;
    host.timer = setTimeout(() => {
      const run = this.measure(name, host).finally(() => {
        this.running.delete(run);
        this.schedule(name, host);
      });
      this.running.add(run);
    }, usual * (0.5 + Math.random()));
    host.timer.unref();
  }

  private async measure(name: string, host: Watched): Promise<void> {
    const target = this.parts.state.hosts.get(keys.host(name))?.value;
    if (!target || this.segment.error !== undefined) return;
    try {
      await this.askOnce(target, host);
      if (host.way.trips.at(-1) !== undefined && this.isSearchDue(host)) await this.searchMtu(target, host);
    } catch (error) {
      host.way = { ...unknownWay, unable: messageOf(error) };
    }
  }

  private async askOnce(target: Host, host: Watched): Promise<void> {
    const echo = await this.echo(probeRouter, target, usualLength, patienceMs);
    const { underlayAnswers: _, unable: __, ...way } = host.way;
    if (echo.outcome === 'answered') {
      host.way = { ...way, trips: afterEcho(way.trips, echo.milliseconds) };
      return;
    }
    host.searched = undefined;
    const around = await this.echo(undefined, target, usualLength, patienceMs);
    host.way = { ...way, trips: afterEcho(way.trips, undefined), underlayAnswers: around.outcome === 'answered' };
  }

  private isSearchDue({ searched }: Watched): boolean {
    return searched === undefined || this.parts.now() - searched >= searchMs;
  }

  private async searchMtu(target: Host, host: Watched): Promise<void> {
    const own = this.parts.state.hosts.get(keys.host(this.parts.host))?.value;
    if (!own) return;
    const most = mostThrough(own, target);
    const patience = Math.max(shortestPatienceMs, Math.min(patienceMs, 10 * (usualRoundTrip(host.way.trips) ?? patienceMs)));
    let search = beginMtuSearch(Math.min(most, target.underlay.family === 6 ? leastLengthOf6 : leastLength), most);
    for (let length = nextLength(search); length !== undefined && !this.stopped; length = nextLength(search)) {
      const { outcome } = await this.echo(probeRouter, target, length, patience);
      search = learn(search, outcome === 'unsent' ? 'lost' : outcome);
    }
    const { mtu: _, ...way } = host.way;
    const mtu = foundMtu(search);
    host.way = mtu === undefined ? way : { ...way, mtu };
    host.searched = this.parts.now();
  }

  private echo(router: string | undefined, { underlay }: Host, length: number, timeoutMs: number): Promise<Echo> {
    return this.parts.pinger.echo(router, underlay, { length, timeoutMs });
  }

  private others(): Host[] {
    const { state, host } = this.parts;
    return state.hosts.values().filter(({ name }) => name !== host);
  }
}
