import t, { type Test } from 'tap';
import { DaemonProcess } from './support/daemon-process.js';
import { DockerGate, gateSocket } from './support/docker-gate.js';
import { labHost, until } from './support/lab.js';

// A hundred containers at once: three times, the second time while netctld cannot hear what Docker says,
// the third time with fewer addresses than containers.

const host = await labHost(t, 'rush', { LAB_NETCTLD_OPTS: `--docker-socket ${gateSocket} --address-rest 0` });
t.setTimeout(600_000);
const gate = await DockerGate.at(t, host);
const daemon = new DaemonProcess(host);
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await until('netctld has heard from Docker', async () => (await daemon.metric('netctl_docker_connected')) === 1 || 'not yet');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
// 126 addresses, one of them the gateway's.
await host.netctl('net', 'create', 'tight', '-s', '10.2.1.0/25', '-g', '10.2.1.126');
await host.netctl('service', 'create', 'web', '--network', 'blue', '--selector=tier=web', '--port', '80:80:tcp');

const many = 100;

/** Starts so many containers at once: how many of them run, and what Docker said of the others. */
async function startAtOnce(prefix: string, network: string, count = many): Promise<{ running: number; refusals: string[] }> {
  const script = `for n in $(seq ${count}); do docker run -d --name ${prefix}$n --label tier=web --net ${network} alpine sleep 100000 >/dev/null & done; wait`;
  const { stderr } = await host.run('sh', '-c', script);
  const running = (await host.docker('ps', '-q', '--filter', `name=^${prefix}`)).split('\n').filter(Boolean).length;
  return { running, refusals: stderr.split('\n').filter((line) => line.includes('Error response')) };
}

async function removeAll(prefix: string): Promise<void> {
  await host.ok('sh', '-c', `docker ps -aq --filter name=^${prefix} | xargs -r docker rm -f >/dev/null`);
}

interface Endpoint {
  readonly Oper: { readonly ipAddress: string[]; readonly containerName?: string };
}

/** The addresses of all endpoints; none is there twice. */
async function addresses(t: Test): Promise<string[]> {
  const found = (await host.inspect<Endpoint[]>('endpoints')).flatMap(({ Oper }) => Oper.ipAddress);
  t.equal(new Set(found).size, found.length, 'no address is there twice');
  return found;
}

/** What the kernel balances over. */
async function slots(): Promise<string[]> {
  const table = await host.router('default', 'nft', 'list', 'map', 'ip', 'netctl', 'slots');
  return [...table.matchAll(/ : (\d+\.\d+\.\d+\.\d+) \./g)].map(([, address = '']) => address).sort();
}

async function ports(): Promise<number> {
  return ((await host.router('default', 'ip', '-br', 'link')).match(/^vr-/gm) ?? []).length;
}

async function untilBalancedOverAll(t: Test, count: number): Promise<void> {
  await until(`there are ${count} slots`, async () => (await slots()).length === count || String((await slots()).length));
  t.strictSame(await slots(), (await addresses(t)).sort(), 'all containers are providers, and nobody else is');
  t.equal(await ports(), count, 'each has its link');
}

async function heldOf(network: string): Promise<number> {
  return (await host.inspect<{ Oper: { allocatedAddressesCount: number } }>(`networks/default:${network}`)).Oper.allocatedAddressesCount;
}

t.test('a hundred at once', async (t) => {
  t.strictSame(await startAtOnce('first', 'blue'), { running: many, refusals: [] });
  await untilBalancedOverAll(t, many);
});

t.test('a hundred stop and a hundred start while the event stream is cut', async (t) => {
  await gate.shut();
  await until('netctld has noticed', async () => (await daemon.metric('netctl_docker_connected')) === 0 || 'not yet');
  await removeAll('first');
  t.strictSame(await startAtOnce('second', 'tight'), { running: many, refusals: [] }, 'containers start: Docker finds the plugin another way');
  await gate.open();
  const back = performance.now();
  await until('the router knows the providers', async () => {
    const found = await slots();
    return (found.length === many && found.every((address) => address.startsWith('10.2.1.'))) || `${found.length} slots`;
  });
  const took = performance.now() - back;
  t.ok(took < 2000, `${Math.round(took)} ms after the stream was back`);
  await untilBalancedOverAll(t, many);
  t.equal(await heldOf('blue'), 1, 'of the first hundred no address is left, but that of the service');
});

t.test('a hundred at once with addresses for 25', async (t) => {
  const { running, refusals } = await startAtOnce('third', 'tight');
  t.equal(running, 25, 'as many run as there were addresses');
  t.equal(refusals.length, many - 25, 'all others are refused');
  t.strictSame(refusals.filter((line) => !/network tight has no free address/.test(line)), [], 'with the reason');
  await untilBalancedOverAll(t, 125);
  t.equal(await heldOf('tight'), 125);
});

t.test('nothing is left', async (t) => {
  await removeAll('');
  await until('the router has no slots', async () => (await slots()).length === 0 || String((await slots()).length));
  t.equal(await heldOf('tight'), 0);
  t.equal(await ports(), 0);
  t.strictSame(await addresses(t), []);
});
