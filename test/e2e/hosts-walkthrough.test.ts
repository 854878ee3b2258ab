import t, { type Test } from 'tap';
import { labHosts, until, untilProviders, type Host } from './support/lab.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Providers on three hosts, and clients on each: all is as on one host.

const lab = await labHosts(t, 'walk');
const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)];
const numbers = [1, 2, 3] as const;
const families = ['ipv4', 'ipv6'] as const;
type Family = (typeof families)[number];
const service = { ipv4: '100.1.1.9', ipv6: '2001:db8:a::9' } as const;
const gateway = { ipv4: '10.1.1.254', ipv6: '2001:db8:1::ff' } as const;

t.teardown(async () => {
  if (!t.passing()) t.comment(await lab.logs());
});

interface Place {
  readonly host: Host;
  readonly traffic: Traffic;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Containers by name; the number in it is that of its host. */
const places = new Map<string, Place>();

function at(name: string): Place {
  const place = places.get(name);
  if (!place) throw new Error(`there is no container ${name}`);
  return place;
}

async function run(host: Host, name: string, network: string, ...options: string[]): Promise<void> {
  await runClient(host, name, network, ...options);
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}';
  const [ipv4 = '', ipv6 = ''] = (await host.docker('inspect', '--format', format, name)).split(' ');
  places.set(name, { host, traffic: await Traffic.from(t, host, name), ipv4, ipv6 });
}

/** Serves TCP and UDP: its name, and whom it sees. */
async function runProvider(host: Host, name: string): Promise<void> {
  await run(host, name, 'blue', '--label=tier=web');
  await at(name).traffic.listen(80, name, 'closes');
  await at(name).traffic.listen(81, name, 'repeats');
  await at(name).traffic.serve(53, name);
}

async function dockerNetworks(host: Host): Promise<string[]> {
  return (await host.docker('network', 'ls', '--format', '{{.Name}}')).split('\n');
}

/** Whether each host's Docker has the network. */
async function untilNetwork(name: string, there: boolean): Promise<void> {
  for (const host of lab.hosts) {
    await until(`network ${name} is ${there ? '' : 'not '}in the Docker of ${host.name}`, async () => {
      const names = await dockerNetworks(host);
      return names.includes(name) === there || names.join(' ');
    });
  }
}

async function untilEverywhere(name: string, providers: readonly string[]): Promise<void> {
  for (const host of lab.hosts) await untilProviders(host, name, providers);
}

t.test('networks that are made on one host are there on all', async () => {
  await h1.netctl('net', 'create', 'services', '-s', '100.1.1.0/24', '-s6', '2001:db8:a::/64');
  await h2.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', gateway.ipv4, '-s6', '2001:db8:1::/64', '-g6', gateway.ipv6);
  await h3.netctl('net', 'create', 'green', '-s', '10.2.1.0/24', '-g', '10.2.1.254', '-s6', '2001:db8:2::/64', '-g6', '2001:db8:2::ff');
  for (const name of ['services', 'blue', 'green']) await untilNetwork(name, true);
});

t.test('a service over containers on all hosts', async (t) => {
  await h1.netctl('service', 'create', 'web', '-s', 'services', '-ip', service.ipv4, '-ip', service.ipv6, '-l', 'tier=web', '-p', '8080:80:tcp', '-p', '8081:81:tcp', '-p', '53:53:udp');
  // On all hosts at once: no address is given out twice.
  await Promise.all(
    lab.hosts.map(async (host, index) => {
      const number = index + 1;
      await runProvider(host, `p${number}`);
      await run(host, `same${number}`, 'blue');
      await run(host, `other${number}`, 'green');
      await run(host, `plain${number}`, 'services');
    }),
  );
  for (const family of families) {
    const addresses = [...places.values()].map((place) => place[family]);
    t.equal(new Set(addresses).size, places.size, `each has an address of its own: ${addresses.join(' ')}`);
  }
  await untilEverywhere('web', ['p1', 'p2', 'p3']);
});

/** Never the same twice: a source port that was used lately is led to where it was then. */
let sourcePort = 20_000;

/** Each of the providers answers in turn, and saw this address. */
async function served(t: Test, from: string, family: Family, seenBy: (provider: string) => string, providers: readonly string[] = ['p1', 'p2', 'p3']): Promise<void> {
  const { traffic } = at(from);
  const times = providers.length * 10;
  const expected = Object.fromEntries(providers.map((provider) => [`${provider} ${seenBy(provider)}`, 10]));
  t.strictSame(answers(await traffic.connect(service[family], 8080, times)), expected, `${from}: TCP over ${family}`);
  const datagrams = [];
  for (let count = 0; count < times; count++) datagrams.push(await traffic.datagram(service[family], 53, sourcePort++, 5_000));
  t.strictSame(answers(datagrams), expected, `${from}: UDP over ${family}`);
}

t.test('every provider is used in turn from every host, and sees who the client is', async (t) => {
  // Hosts balance each for itself: what happens on one does not change the turns of another.
  await Promise.all(
    numbers.map(async (number) => {
      for (const family of families) {
        for (const kind of ['same', 'other', 'plain']) await served(t, `${kind}${number}`, family, () => at(`${kind}${number}`)[family]);
        // To itself it must come from somewhere else: answered directly, the reply would not come from the service IP.
        const own = `p${number}`;
        await served(t, own, family, (provider) => (provider === own ? gateway[family] : at(own)[family]));
      }
    }),
  );
});

t.test('containers reach each other within a network over all hosts, and not across', async (t) => {
  const reaches = async (from: string, to: string): Promise<boolean> => (await at(from).host.inside(from, `ping -c 1 -W 1 ${to}`)).exitCode === 0;
  const pairs = numbers.flatMap((from) => numbers.filter((to) => to !== from).map((to) => [from, to] as const));
  await Promise.all(
    pairs.flatMap(([from, to]) =>
      families.map(async (family) => {
        t.equal(await reaches(`same${from}`, at(`same${to}`)[family]), true, `h${from} to h${to} over ${family}`);
        t.equal(await reaches(`other${from}`, at(`same${to}`)[family]), false, `h${from} to h${to} over ${family}, to another network`);
      }),
    ),
  );
});

t.test('a provider that is drained from another host gets nothing new, and its open connections live', async (t) => {
  const { traffic } = at('other1');
  const held = [await traffic.hold(service.ipv4, 8081), await traffic.hold(service.ipv4, 8081), await traffic.hold(service.ipv4, 8081)];
  const own = at('other1').ipv4;
  t.strictSame(held.map(({ greeting }) => greeting).toSorted(), [`p1 ${own}`, `p2 ${own}`, `p3 ${own}`]);
  await h3.netctl('service', 'drain', 'web', 'p2');
  await untilEverywhere('web', ['p1', 'p3']);
  await Promise.all(numbers.map((number) => served(t, `same${number}`, 'ipv4', () => at(`same${number}`).ipv4, ['p1', 'p3'])));
  for (const connection of held) t.equal(await connection.say('still there?'), 'still there?', connection.greeting);
  await h1.netctl('service', 'undrain', 'web', 'p2');
  await untilEverywhere('web', ['p1', 'p2', 'p3']);
});

t.test('a provider that is stopped leaves on all hosts, and another one comes', async (t) => {
  await h2.docker('rm', '-f', 'p2');
  await untilEverywhere('web', ['p1', 'p3']);
  await Promise.all(numbers.map((number) => served(t, `other${number}`, 'ipv4', () => at(`other${number}`).ipv4, ['p1', 'p3'])));
  await runProvider(h2, 'p2');
  await untilEverywhere('web', ['p1', 'p2', 'p3']);
  await Promise.all(numbers.map((number) => served(t, `other${number}`, 'ipv4', () => at(`other${number}`).ipv4)));
});

t.test('a network that Docker makes on one host is there on all', async (t) => {
  await h2.docker('network', 'create', '-d', 'netctl', '--ipam-driver', 'netctl', '--subnet', '10.4.1.0/24', 'made');
  await untilNetwork('made', true);
  await run(h3, 'far', 'made');
  await run(h2, 'near', 'made');
  t.equal((await h2.inside('near', `ping -c 1 -W 5 ${at('far').ipv4}`)).exitCode, 0);
});

t.test('a network in use on another host is not removed', async (t) => {
  const { exitCode, stderr } = await h1.run('netctl', 'net', 'rm', 'made');
  t.equal(exitCode, 3);
  t.match(stderr, /network made cannot be deleted: 2 endpoints/);
  await untilNetwork('made', true);
});

t.test('a network that is removed on one host is gone on all', async (t) => {
  await Promise.all([h2.docker('rm', '-f', 'near'), h3.docker('rm', '-f', 'far')]);
  await h2.docker('network', 'rm', 'made');
  await untilNetwork('made', false);
  await Promise.all(numbers.map((number) => lab.host(number).docker('rm', '-f', ...['p', 'same', 'other', 'plain'].map((kind) => `${kind}${number}`))));
  await h3.netctl('service', 'rm', 'web');
  await h2.netctl('net', 'rm', 'services', 'blue', 'green');
  for (const name of ['services', 'blue', 'green']) await untilNetwork(name, false);
  for (const host of lab.hosts) {
    await until(`${host.name} has no router`, async () => {
      const names = await host.ok('ip', 'netns', 'list');
      return !names.includes('netctl-default') || names;
    });
    t.notMatch(await host.ok('ip', '-br', 'link'), /\bnu-/, `no link to a router on ${host.name}`);
  }
});
