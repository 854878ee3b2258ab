import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { checkEntries } from '../../daemon/check-state.js';
import { isInUse } from '../../src/model/allocation.js';
import { until } from '../support/until.js';
import { DockerCaller } from './support/docker-caller.js';
import { labHosts, until as untilSlow, type Host } from './support/lab.js';
import { allocationsIn, LabEtcd } from './support/lab-etcd.js';
import { runClient } from './support/servers.js';
import { Register, Tenancy } from './support/tenancy.js';

// Three hosts, on each of which three hundred containers come and go at the same time; an address that one gives back the next one gets. Meanwhile daemons
// are killed, and a host is cut off.

const onEach = 300;
const prefixLength = 21;
/** What Docker does not use or does not know is taken back after a minute, by who looks four times in it; three such times at most, in milliseconds. */
const garbageMs = 180_000;

const lab = await labHosts(t, 'hostaddr', { env: { LAB_NETCTLD_OPTS: '--address-rest 0' } });
t.teardown(async () => {
  if (!t.passing()) t.comment(await lab.logs());
});
const etcd = new LabEtcd(lab);
const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)];
await h1.netctl('net', 'create', 'crowd', '-s', `10.1.0.0/${prefixLength}`, '-g', '10.1.7.254');
const register = new Register();
const crowd = (await Promise.all(lab.hosts.map(settle))).flat();
const own = await Promise.all(lab.hosts.map(addressOf));

/** A container of Docker's own, and those that are only said to be. */
async function settle(host: Host): Promise<Tenancy[]> {
  await until(`Docker on ${host.name} has the network`, async () => (await host.run('docker', 'network', 'inspect', 'crowd')).exitCode === 0);
  await runClient(host, `real-${host.name}`, 'crowd');
  register.take(await addressOf(host), `real-${host.name}`);
  const network = { id: await host.docker('network', 'inspect', '--format', '{{.Id}}', 'crowd'), pool: 'default/crowd/v4', prefixLength };
  const caller = new DockerCaller(host);
  return Array.from({ length: onEach }, (_, index) => new Tenancy(`${host.name}-${index}`, caller, register, network));
}

function addressOf(host: Host): Promise<string> {
  return host.docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', `real-${host.name}`);
}

/** Each address that is in use, with the endpoint that has it, or what else has it. The state must be sound. */
async function inUse(): Promise<Map<string, string>> {
  const entries = await etcd.entries(h1);
  const { contradictions } = checkEntries(entries);
  if (contradictions.length > 0) throw new Error(contradictions.join('; '));
  const held = allocationsIn(entries).filter(({ owner }) => isInUse(owner));
  return new Map(held.map(({ address, owner }) => [address.toString(), owner.kind === 'endpoint' ? owner.id : owner.kind]));
}

/** One fault after the other. */
async function trouble(): Promise<void> {
  const kill = async (host: Host, daemon: 'netctld' | 'etcd'): Promise<void> => {
    await host.daemon('kill', daemon);
    await host.daemon('start', daemon);
  };
  await kill(h1, 'netctld');
  await lab.partition(h3);
  await Promise.all([kill(h2, 'netctld'), pause(4000)]);
  await lab.heal();
  await kill(h1, 'etcd');
}

await t.test(`${crowd.length} containers come and go, while daemons are killed and a host is cut off`, async (t) => {
  let troubles = true;
  let early = 0;
  const begun = performance.now();
  const troubled = trouble().finally(() => (troubles = false));
  await Promise.all(
    crowd.map(async (tenancy) => {
      await tenancy.begin();
      await tenancy.end();
      if (troubles) early++;
    }),
  );
  await troubled;
  const { given, refused, broken, twice } = register;
  t.ok(refused > 0 && broken > 0, 'what went wrong was noticed');
  t.comment(`${given} addresses were given in ${Math.round((performance.now() - begun) / 1000)} s; ${refused} calls refused, ${broken} broken; ${early} were through before the last fault`);
  t.strictSame(twice, [], 'no address was given to two');
  const leftovers = (await inUse()).size - lab.hosts.length;
  t.comment(`${leftovers} addresses are held for nobody`);
  t.ok(leftovers >= 0 && leftovers <= broken + refused, 'each of a call that did not end well');
});

await t.test('a hundred on each host come at the same time', async (t) => {
  const { refused, broken } = register;
  const some = crowd.filter((_, index) => index % 3 === 0);
  const begun = performance.now();
  await Promise.all(some.map((tenancy) => tenancy.begin()));
  t.comment(`after ${Math.round(performance.now() - begun)} ms`);
  const used = await inUse();
  const held = some.flatMap((tenancy) => tenancy.held ?? []);
  t.strictSame(held.filter(({ address, endpoint }) => used.get(address) !== endpoint), [], 'all addresses are held for their endpoints');
  await Promise.all(some.map((tenancy) => tenancy.end()));
  t.strictSame(register.twice, [], 'no address was given to two');
  t.strictSame([register.refused, register.broken], [refused, broken], 'all calls succeeded');
});

await t.test('what was left over is found; who is there keeps his address', async (t) => {
  const begun = performance.now();
  await untilSlow('only the containers that there are hold addresses', async () => {
    await pause(1000);
    const { size } = await inUse();
    return size === lab.hosts.length || `${size} are held`;
  }, garbageMs);
  t.comment(`after ${Math.round((performance.now() - begun) / 1000)} s`);
  t.strictSame([...(await inUse()).keys()].sort(), [...own].sort());
  t.strictSame(await Promise.all(lab.hosts.map(addressOf)), own);
});
