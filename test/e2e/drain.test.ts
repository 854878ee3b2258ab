import t, { type Test } from 'tap';
import { labHost, until, untilProviders, type Host } from './support/lab.js';
import { runClient, runServer, servicePorts, untilListening } from './support/servers.js';
import { answers, Traffic, type Connection } from './support/traffic.js';

// A provider that is being stopped: its process goes on for a while after SIGTERM. From the moment at
// which its slots are gone it gets no new connection; the open ones live until the process ends, and
// nobody who connects meanwhile notices anything.

const serviceIp = '100.1.1.1';
const perSecond = 200;
/** How long a process goes on after SIGTERM, in seconds. */
const lingering = 2.5;

const host = await labHost(t, 'drain');
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.netctl('net', 'create', 'clients', '-s', '11.1.1.0/24', '-g', '11.1.1.254');
await host.netctl('service', 'create', 'web', '--network', 'services', '--selector=tier=web', ...servicePorts);
await runClient(host, 'client', 'clients');
const traffic = await Traffic.from(t, host, 'client');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

async function runServers(names: readonly string[]): Promise<void> {
  for (const name of names) await runServer(host, name, { network: 'blue', labels: ['tier=web'], onTerm: `sleep ${lingering}; exit 0` });
  await untilProviders(host, 'web', names);
}

/** Open connections until each of these providers has one. */
async function holdOneOfEach(names: readonly string[]): Promise<Map<string, Connection>> {
  const held = new Map<string, Connection>();
  for (let tries = 0; tries < names.length * 4 && names.some((name) => !held.has(name)); tries++) {
    const connection = await traffic.hold(serviceIp, 8081);
    held.set(connection.greeting.split(' ')[0] ?? '', connection);
  }
  return held;
}

/** When the last slot of these addresses was seen to be gone from the kernel, milliseconds since the epoch. */
async function untilSlotsAreGone(host: Host, addresses: readonly string[]): Promise<number> {
  await until(`the slots of ${addresses.join(', ')} are gone`, async () => {
    const slots = await host.router('default', 'nft', 'list', 'map', 'ip', 'netctl', 'slots');
    return !addresses.some((address) => slots.includes(`: ${address} .`)) || slots;
  });
  return Date.now();
}

async function addressOf(name: string): Promise<string> {
  return host.docker('inspect', '--format', '{{.NetworkSettings.Networks.blue.IPAddress}}', name);
}

async function stopUnderLoad(t: Test, stopping: readonly string[], staying: readonly string[]): Promise<void> {
  const held = await holdOneOfEach([...stopping, ...staying]);
  const addresses = await Promise.all(stopping.map(addressOf));
  const endLoad = await traffic.load(serviceIp, 8080, perSecond);
  const started = Date.now();
  const stopped = host.docker('stop', ...stopping).then(() => Date.now());
  const drained = await untilSlotsAreGone(host, addresses);
  for (const name of stopping) t.equal(await held.get(name)?.say('still there?'), 'still there?', `the open connection to ${name} lives while it drains`);
  const ended = await stopped;
  const attempts = await endLoad();

  const during = attempts.filter(({ at }) => at >= started && at <= ended);
  const leastTries = ((ended - started) * perSecond * 0.9) / 1000;
  t.ok(ended - started >= lingering * 1000, `the stop took ${ended - started} ms`);
  t.ok(during.length >= leastTries, `${during.length} connections were made meanwhile, at least ${Math.round(leastTries)}`);
  t.strictSame(attempts.filter(({ error }) => error !== undefined), [], 'not one of them failed');
  t.ok(drained - started < 1000, `the slots were gone ${drained - started} ms after the stop had begun`);
  const late = answers(attempts.filter(({ at }) => at >= drained));
  t.strictSame(Object.keys(late).sort(), [...staying].sort(), `from then on only the others answered: ${JSON.stringify(late)}`);
  await endsWithItsProcess(t, stopping, held, drained);
  for (const name of staying) t.equal(await held.get(name)?.say('and you?'), 'and you?', `the open connection to ${name} goes on`);
}

async function endsWithItsProcess(t: Test, stopping: readonly string[], held: ReadonlyMap<string, Connection>, drained: number): Promise<void> {
  for (const name of stopping) {
    const connection = held.get(name);
    await until(`the connection to ${name} ends`, async () => (await connection?.fate())?.alive === false || 'it is open');
    const fate = await connection?.fate();
    const finishedAt = Date.parse(await host.docker('inspect', '--format', '{{.State.FinishedAt}}', name));
    const after = fate?.alive === false ? fate.endedAt - finishedAt : NaN;
    t.ok(Math.abs(after) < 500, `the open connection ended with the process of ${name}: ${after} ms after it`);
    t.ok(fate?.alive === false && fate.endedAt - drained > 1000, 'and long after the drain had begun');
  }
}

t.test('one of four', async (t) => {
  const servers = ['s1', 's2', 's3', 's4'];
  await runServers(servers);
  await stopUnderLoad(t, ['s2'], ['s1', 's3', 's4']);
  await untilProviders(host, 'web', ['s1', 's3', 's4']);
});

t.test('all but one, at once', async (t) => {
  await host.docker('start', 's2');
  await untilListening(host, 's2');
  await untilProviders(host, 'web', ['s1', 's2', 's3', 's4']);
  await stopUnderLoad(t, ['s1', 's3', 's4'], ['s2']);
});

t.test('one of two, which then comes back under load', async (t) => {
  await host.docker('start', 's1');
  await untilListening(host, 's1');
  await untilProviders(host, 'web', ['s1', 's2']);
  await stopUnderLoad(t, ['s2'], ['s1']);
  const endLoad = await traffic.load(serviceIp, 8080, perSecond);
  // The servers listen within moments of the start; Docker tells of it a little earlier than that.
  await host.docker('start', 's3');
  await untilProviders(host, 'web', ['s1', 's3']);
  await until('s3 answers', async () => (await traffic.connect(serviceIp, 8080, 2)).some(({ answer }) => answer === 's3') || 'only others answer');
  const attempts = await endLoad();
  t.strictSame(attempts.filter(({ answer, error }) => answer === undefined && error !== 'ECONNREFUSED'), [], 'nobody meets a time-out or a broken connection');
});

t.test('the last one: nobody is left', async (t) => {
  await host.docker('stop', 's3');
  await untilProviders(host, 'web', ['s1']);
  const held = await holdOneOfEach(['s1']);
  const stopped = host.docker('stop', 's1');
  await untilSlotsAreGone(host, [await addressOf('s1')]);
  const [attempt] = await traffic.connect(serviceIp, 8080, 1);
  t.equal(attempt?.error, 'ECONNREFUSED', 'a new connection is refused');
  t.ok(attempt && attempt.ms < 100, `at once: after ${attempt?.ms} ms`);
  t.equal(await held.get('s1')?.say('still there?'), 'still there?', 'the open one lives');
  await stopped;
  await until('the connection ends', async () => (await held.get('s1')?.fate())?.alive === false || 'it is open');
});
