import t, { type Test } from 'tap';
import { labHost, until, untilProviders, type Host } from './support/lab.js';
import { runClient, runServer, servicePorts, untilListening } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// What happens to containers, and who gets the connections then. Four providers all the time; each
// change is undone before the next.

const serviceIp = '100.1.1.1';
const servers = ['s1', 's2', 's3', 's4'] as const;
const others = ['s2', 's3', 's4'];

const host = await labHost(t, 'life');
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.netctl('service', 'create', 'web', '--network', 'services', '--selector=tier=web', ...servicePorts);
for (const name of servers) await runServer(host, name, { network: 'blue', labels: ['tier=web'] });
await runClient(host, 'client', 'blue');
const traffic = await Traffic.from(t, host, 'client');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

/** The same number of connections to each, and to nobody else. */
async function sharedBy(t: Test, names: readonly string[], what: string): Promise<void> {
  const counted = answers(await traffic.connect(serviceIp, 8080, names.length * 10));
  t.strictSame(counted, Object.fromEntries(names.map((name) => [name, 10])), what);
}

/** Waits until netctld says so, and then until the kernel balances over them: what is said is known a moment before it is done. */
async function providersAre(names: readonly string[]): Promise<void> {
  await untilProviders(host, 'web', names);
  const { Oper } = await host.service('web');
  const wanted = Oper.providers.flatMap(({ ipAddress }) => ipAddress).sort().join(' ');
  await until(`connections go to ${wanted}`, async () => {
    const slots = await host.router('default', 'nft', 'list', 'map', 'ip', 'netctl', 'slots');
    const found = [...new Set([...slots.matchAll(/ : (\d+\.\d+\.\d+\.\d+) \./g)].map(([, address]) => address))].sort().join(' ');
    return found === wanted || `they go to ${found}`;
  });
}

/** Something is done to s1 and undone: it loses the connections, and gets them again. */
async function losesAndRegains(t: Test, lose: () => Promise<unknown>, regain: () => Promise<unknown>): Promise<void> {
  await sharedBy(t, servers, 'all four get connections before');
  await lose();
  await providersAre(others);
  await sharedBy(t, others, 'the other three get them during');
  await regain();
  await providersAre(servers);
  await sharedBy(t, servers, 'all four get them after');
}

async function restarted(host: Host): Promise<void> {
  await host.docker('start', 's1');
  await untilListening(host, 's1');
}

t.test('docker stop', (t) => losesAndRegains(t, () => host.docker('stop', 's1'), () => restarted(host)));

t.test('docker kill', (t) => losesAndRegains(t, () => host.docker('kill', 's1'), () => restarted(host)));

t.test('docker pause', (t) => losesAndRegains(t, () => host.docker('pause', 's1'), () => host.docker('unpause', 's1')));

t.test('docker rm -f', (t) =>
  losesAndRegains(t, () => host.docker('rm', '-f', 's1'), () => runServer(host, 's1', { network: 'blue', labels: ['tier=web'] })),
);

t.test('docker restart', async (t) => {
  await host.docker('restart', 's1');
  await untilListening(host, 's1');
  await providersAre(servers);
  await sharedBy(t, servers, 'all four get connections after');
});

t.test('docker kill -s HUP is no end', async (t) => {
  await host.docker('kill', '-s', 'HUP', 's1');
  await sharedBy(t, servers, 'all four get connections at once');
  // Whatever Docker said of the signal has been heard when a later event of Docker's has.
  await host.docker('pause', 's2');
  await providersAre(['s1', 's3', 's4']);
  await sharedBy(t, ['s1', 's3', 's4'], 's1 is still one of those who get connections');
  await host.docker('unpause', 's2');
  await providersAre(servers);
});

t.test('a health check', async (t) => {
  const health = ['--health-cmd', 'test ! -e /sick', '--health-interval', '1s', '--health-retries', '1'];
  await runServer(host, 's5', { network: 'blue', labels: ['tier=web'], options: health });
  await providersAre([...servers, 's5']);
  await sharedBy(t, [...servers, 's5'], 'a healthy container gets connections');
  await host.inside('s5', 'touch /sick');
  await providersAre(servers);
  await sharedBy(t, servers, 'an unhealthy one gets none');
  const explained = await host.netctl('service', 'explain', 'web');
  t.match(explained, /s5.*is unhealthy/, 'explain says why');
  await host.inside('s5', 'rm /sick');
  await providersAre([...servers, 's5']);
  await sharedBy(t, [...servers, 's5'], 'healthy again, it gets them again');
  await host.docker('rm', '-f', 's5');
  await providersAre(servers);
});

t.test('a container whose health check never passed is no provider', async (t) => {
  await runServer(host, 's6', { network: 'blue', labels: ['tier=web'], options: ['--health-cmd', 'false', '--health-interval', '1h'] });
  await until('explain knows s6', async () => {
    const explained = await host.netctl('service', 'explain', 'web');
    return /s6.*health check has not passed yet/.test(explained) || explained;
  });
  await sharedBy(t, servers, 'only the others get connections');
  await host.docker('rm', '-f', 's6');
});

t.test('a container that outlives its stop signal and its time-out is a provider again', async (t) => {
  await runServer(host, 's7', { network: 'blue', labels: ['tier=web'], options: ['--stop-timeout', '1'], onTerm: ':' });
  await providersAre([...servers, 's7']);
  await host.docker('kill', '-s', 'TERM', 's7');
  await providersAre(servers);
  await sharedBy(t, servers, 'sent its stop signal, it gets no connections');
  await providersAre([...servers, 's7']);
  await sharedBy(t, [...servers, 's7'], 'it gets them again when its time is over');
  await host.docker('rm', '-f', 's7');
  await providersAre(servers);
});

for (const [what, end] of [
  ['docker kill', (name: string) => host.docker('kill', name)],
  ['docker rm -f', (name: string) => host.docker('rm', '-f', name)],
] as const) {
  t.test(`a TCP connection to a provider that ends by ${what} ends at once for the client`, async (t) => {
    const connection = await traffic.hold(serviceIp, 8081);
    const [name = ''] = connection.greeting.split(' ');
    t.equal(await connection.say('hello'), 'hello', 'it carries data before');
    await end(name);
    const returned = Date.now();
    await until('the connection ends', async () => !(await connection.fate()).alive || 'it is open');
    const fate = await connection.fate();
    t.ok(!fate.alive && fate.endedAt - returned < 500, `it has ended ${fate.alive ? 'not' : fate.endedAt - returned} ms after ${what} returned`);
    if (what === 'docker kill') await host.docker('rm', name);
    await runServer(host, name, { network: 'blue', labels: ['tier=web'] });
    await providersAre(servers);
  });
}

for (const [what, end, undo] of [
  ['docker kill', (name: string) => host.docker('kill', name), (name: string) => host.docker('start', name)],
  ['docker pause', (name: string) => host.docker('pause', name), (name: string) => host.docker('unpause', name)],
  ['docker stop', (name: string) => host.docker('stop', name), (name: string) => host.docker('start', name)],
] as const) {
  t.test(`a UDP client with a fixed source port leaves a provider at once after ${what}`, async (t) => {
    const before = answers([await traffic.datagram(serviceIp, 53, 5353), await traffic.datagram(serviceIp, 53, 5353)]);
    const [name = ''] = Object.keys(before);
    t.strictSame(before, { [name]: 2 }, 'one flow has one provider');
    await end(name);
    const returned = Date.now();
    await until('another provider answers', async () => {
      const { answer, error } = await traffic.datagram(serviceIp, 53, 5353, 200);
      return (answer !== undefined && answer !== name) || (error ?? 'the same provider');
    });
    const ms = Date.now() - returned;
    t.ok(ms < 1000, `another provider answers ${ms} ms after ${what} returned`);
    await undo(name);
    await untilListening(host, name);
    await providersAre(servers);
  });
}

t.test('UDP without any provider left is refused, and finds the first that comes back', async (t) => {
  await traffic.datagram(serviceIp, 53, 5354);
  await host.docker('pause', ...servers);
  await providersAre([]);
  t.equal((await traffic.datagram(serviceIp, 53, 5354)).error, 'ECONNREFUSED', 'with the same source port');
  await host.docker('unpause', 's3');
  const returned = Date.now();
  await until('the first that comes back answers', async () => {
    const { answer, error } = await traffic.datagram(serviceIp, 53, 5354, 200);
    return answer === 's3' || (error ?? answer ?? 'nobody');
  });
  const ms = Date.now() - returned;
  t.ok(ms < 1000, `it answers ${ms} ms after docker unpause returned`);
  await providersAre(['s3']);
  await host.docker('unpause', 's1', 's2', 's4');
  await providersAre(servers);
});

t.test('no connection through the service is left to those who went', async (t) => {
  const flows = await host.router('default', 'conntrack', '-L', '--dst-nat', '-o', 'extended');
  const living = new Set((await host.service('web')).Oper.providers.flatMap(({ ipAddress }) => ipAddress));
  // The second source is that of the answers.
  const answering = flows.split('\n').flatMap((line) => line.match(/(?<= src=)\S+/g)?.[1] ?? []);
  t.ok(answering.length > 0, `${answering.length} connections are tracked`);
  t.strictSame(answering.filter((address) => !living.has(address)), [], 'each has a living provider');
});
