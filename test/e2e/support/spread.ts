import type { Test } from 'tap';
import { until } from '../../support/until.js';
import type { Host, Lab } from './lab.js';
import { runClient } from './servers.js';
import { answers, Traffic, type Attempt, type Connection } from './traffic.js';
import { ask } from './unix-http.js';

/** Where the service greets and closes, and where it greets and repeats. */
export const [serviceIp, greets, repeats] = ['100.1.1.9', 8080, 8081] as const;

/** On a host: p1 and c1 are those of h1. */
interface Place {
  readonly host: Host;
  readonly provider: string;
  readonly address: string;
  client: Traffic;
}

/** A lab with a service, which has a provider on each host, and a client on each. They come back with their host, with their addresses. */
export class Spread {
  private constructor(
    private readonly t: Test,
    readonly places: readonly Place[],
  ) {}

  static async over(t: Test, lab: Lab): Promise<Spread> {
    const [first] = lab.hosts;
    await first?.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
    await first?.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
    await first?.netctl('service', 'create', 'web', '--network', 'services', '--selector=tier=web', '-ip', serviceIp, '--port', `${greets}:80:tcp`, '--port', `${repeats}:81:tcp`);
    const places = await Promise.all(lab.hosts.map((host, index) => settle(t, host, index + 1)));
    const spread = new Spread(t, places);
    await spread.untilAllServe();
    return spread;
  }

  get hosts(): Host[] {
    return this.places.map(({ host }) => host);
  }

  /** h1's is the first. */
  client(number: number): Traffic {
    return this.place(number).client;
  }

  place(number: number): Place {
    const place = this.places[number - 1];
    if (!place) throw new Error(`there is no host h${number}`);
    return place;
  }

  /** After a reboot: containers are back by themselves, what serves in them is a process of the test's. */
  async revive(number: number): Promise<void> {
    const place = this.place(number);
    await until('its containers run', async () => {
      const { stdout } = await place.host.run('docker', 'ps', '-q');
      return stdout.split('\n').length === 2;
    });
    await serve(this.t, place.host, place.provider);
    place.client = await Traffic.from(this.t, place.host, `c${number}`);
  }

  /** How long it takes, in milliseconds, until on these hosts the kernel balances over these providers and no others. */
  untilBalanced(hosts: readonly Host[], providers: readonly string[]): Promise<number> {
    const wanted = [...providers].sort().join(' ');
    return until(`on ${hosts.map(({ name }) => name).join(', ')} connections go to ${wanted}`, async () => {
      const found = await Promise.all(hosts.map((host) => this.balanced(host)));
      return found.every((names) => names === wanted);
    });
  }

  untilAllServe(): Promise<number> {
    return this.untilBalanced(this.hosts, this.places.map(({ provider }) => provider));
  }

  /** New connections from the clients of these hosts all the time, until it is ended; it returns what became of each, by host. */
  async load(numbers: readonly number[], perSecond: number): Promise<() => Promise<Attempt[][]>> {
    const ends = await Promise.all(numbers.map((number) => this.client(number).load(serviceIp, greets, perSecond)));
    return () => Promise.all(ends.map((end) => end()));
  }

  /** All connections that were tried succeeded, and each host shared its own evenly among these providers. */
  noneFailed(t: Test, attempts: readonly Attempt[][], providers: readonly string[], what: string): void {
    for (const [index, ofHost] of attempts.entries()) {
      const counts = answers(ofHost);
      t.strictSame(Object.keys(counts).sort(), [...providers].sort(), `${what}: ${JSON.stringify(counts)} from client ${index + 1}`);
      const shares = Object.values(counts);
      t.ok(Math.max(...shares) - Math.min(...shares) <= 1, 'shared evenly all the time');
    }
  }

  /** Names of the providers in the rules of the host. */
  private async balanced(host: Host): Promise<string> {
    const slots = await host.router('default', 'nft', '-j', 'list', 'map', 'ip', 'netctl', 'slots').catch(() => '');
    return this.places.filter(({ address }) => slots.includes(`"${address}"`)).map(({ provider }) => provider).sort().join(' ');
  }
}

/** A connection that must live until the file ends, and is spoken on now and then. */
export async function goesOn(t: Test, connections: readonly Connection[], what: string): Promise<void> {
  const said = await Promise.all(connections.map((connection) => connection.say(what).catch((error: unknown) => String(error))));
  t.strictSame(said, connections.map(() => what), `open connections: ${what}`);
}

/** What the host's netctld answers over REST. */
export async function inspected(host: Host, path: string): Promise<unknown> {
  const { status, text } = await ask(`${host.root}/run/netctl/netctl.sock`, 'GET', `/api/v1/inspect/${path}/`);
  if (status !== 200) throw new Error(`${path} of ${host.name}: ${status} ${text}`);
  return JSON.parse(text) as unknown;
}

async function settle(t: Test, host: Host, number: number): Promise<Place> {
  const [provider, address] = [`p${number}`, `10.1.1.${10 + number}`];
  await until(`Docker on ${host.name} has the network`, async () => (await host.run('docker', 'network', 'inspect', 'blue')).exitCode === 0);
  await runClient(host, provider, 'blue', '--restart', 'always', '--ip', address, '--label', 'tier=web');
  await runClient(host, `c${number}`, 'blue', '--restart', 'always');
  await serve(t, host, provider);
  return { host, provider, address, client: await Traffic.from(t, host, `c${number}`) };
}

async function serve(t: Test, host: Host, provider: string): Promise<void> {
  const server = await Traffic.from(t, host, provider);
  await server.greet(80, provider, false);
  await server.greet(81, provider, true);
}
