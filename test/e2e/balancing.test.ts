import t, { type Test } from 'tap';
import { chiSquare, onceInAMillion } from './support/chi-square.js';
import { labHost, tally, untilProviders } from './support/lab.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Which provider gets a new connection: real connections through one service, whose algorithm and weights change. Each
// provider answers with its name and the client's address.

const providers = ['p1', 'p2', 'p3', 'p4'] as const;
const clients = 64;

const host = await labHost(t, 'balance');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'app', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.netctl('net', 'create', 'clients', '-s', '11.1.1.0/24', '-g', '11.1.1.254');
await host.netctl('service', 'create', 'web', '-s', 'services', '-ip', '100.1.1.1', '-l', 'tier=web', '-p', '80:80:tcp');
await host.netctl('service', 'create', 'other', '-s', 'services', '-l', 'tier=other', '-p', '80:80:tcp');
for (const [index, name] of providers.entries()) await serve(name, `version=${index + 1}`);
await runClient(host, 'client', 'clients');
await untilProviders(host, 'web', providers);
const traffic = await Traffic.from(t, host, 'client');
const addresses = await addAddresses();

async function serve(name: string, label: string): Promise<void> {
  await runClient(host, name, 'app', '--label=tier=web', `--label=${label}`);
  await (await Traffic.from(t, host, name)).listen(80, name, 'closes');
}

/** Further addresses of the client's network in the client: as many clients, as far as the router sees. */
async function addAddresses(): Promise<string[]> {
  const wanted = Array.from({ length: clients }, (_, index) => `11.1.1.${index + 100}`);
  const pid = await host.docker('inspect', '--format', '{{.State.Pid}}', 'client');
  const script = wanted.map((address) => `ip addr add ${address}/32 dev eth0`).join(' && ');
  await host.ok('nsenter', `--net=/proc/${pid}/ns/net`, 'sh', '-c', script);
  return wanted;
}

/** How many connections each provider got. */
async function shares(times: number): Promise<number[]> {
  const counted = answers((await traffic.connect('100.1.1.1', 80, times)).map((attempt) => ({ ...attempt, ...(attempt.answer !== undefined && { answer: attempt.answer.split(' ')[0] ?? '' }) })));
  const errors = Object.keys(counted).filter((name) => !providers.some((provider) => provider === name));
  if (errors.length > 0) throw new Error(`of ${times} connections ${JSON.stringify(counted)}`);
  return providers.map((name) => counted[name] ?? 0);
}

/** Which provider each of the client's addresses is led to, that of all its connections. */
async function ledTo(t: Test, times: number): Promise<Map<string, string>> {
  const led = new Map<string, string>();
  for (const address of addresses) {
    const found = Object.keys(answers(await traffic.connect('100.1.1.1', 80, times, address)));
    if (found.length !== 1) t.fail(`${address} was answered by ${found.join(', ')}`);
    const [provider = '', seen] = (found[0] ?? '').split(' ');
    if (seen !== address) t.fail(`${provider} saw ${seen ?? 'nobody'} instead of ${address}`);
    led.set(address, provider);
  }
  return led;
}

function moved(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return addresses.filter((address) => before.get(address) !== after.get(address));
}

t.test('round robin with weights is exact', async (t) => {
  await host.netctl('service', 'update', 'web', '--weight', 'version=2:10');
  t.strictSame(await shares(2000), [600, 200, 600, 600], '10 % of 2000 for the one, the rest for the three others alike');
  await host.netctl('service', 'update', 'web', '--weight', 'version in (1,2):25', '--weight', 'version=3:0');
  t.strictSame(await shares(400), [50, 50, 0, 300], 'two share 25 %, one gets nothing, the last one gets the rest');
  await host.netctl('service', 'update', 'web', '--weight', 'none');
  t.strictSame(await shares(400), [100, 100, 100, 100]);
});

t.test('random: shares are as chance has them, no more and no less', async (t) => {
  await host.netctl('service', 'update', 'web', '--algorithm', 'random', '--weight', 'version=2:10');
  const total = 2400;
  const weighted = await shares(total);
  const sum = chiSquare(weighted, [720, 240, 720, 720]);
  t.ok(sum < onceInAMillion, `${weighted.join(', ')} of ${total}: chi-square ${sum.toFixed(1)}`);
  await host.netctl('service', 'update', 'web', '--weight', 'none');
  const even = await shares(total);
  const evenSum = chiSquare(even, [600, 600, 600, 600]);
  t.ok(evenSum < onceInAMillion, `${even.join(', ')} of ${total}: chi-square ${evenSum.toFixed(1)}`);
  t.notSame(await shares(total), even, 'it is not in turn');
});

t.test('source: a client keeps its provider, and only the clients of one that leaves move', async (t) => {
  await host.netctl('service', 'update', 'web', '--algorithm', 'source');
  const before = await ledTo(t, 2);
  const sizes = tally([...before.values()].join('\n'));
  const sum = chiSquare(providers.map((name) => sizes[name] ?? 0), providers.map(() => clients / providers.length));
  t.ok(sum < onceInAMillion, `${clients} clients: ${JSON.stringify(sizes)}, chi-square ${sum.toFixed(1)}`);
  const [first = ''] = addresses;
  t.strictSame(answers(await traffic.connect('100.1.1.1', 80, 50, first)), { [`${before.get(first) ?? ''} ${first}`]: 50 }, 'also over 50 connections');

  await runClient(host, 'q1', 'app', '--label=tier=other');
  await untilProviders(host, 'other', ['q1']);
  t.strictSame(moved(before, await ledTo(t, 1)), [], 'providers of other services do not matter');

  await host.docker('stop', 'p3');
  await untilProviders(host, 'web', ['p1', 'p2', 'p4']);
  const after = await ledTo(t, 1);
  const left = addresses.filter((address) => before.get(address) === 'p3');
  t.strictSame(moved(before, after), left, `${left.length} of ${clients} clients move: those of the one that left`);
  t.ok(new Set(left.map((address) => after.get(address))).size > 1, 'not all to the same');

  await host.netctl('service', 'drain', 'web', 'p1');
  const drained = await ledTo(t, 1);
  t.strictSame(moved(after, drained), addresses.filter((address) => after.get(address) === 'p1'), 'neither when one is drained do others move');

  await host.netctl('service', 'undrain', 'web', 'p1');
  const again = await ledTo(t, 1);
  const back = moved(drained, again);
  t.ok(back.length > 0 && back.every((address) => again.get(address) === 'p1'), `${back.length} clients go to the one that comes back, and none to another`);
});
