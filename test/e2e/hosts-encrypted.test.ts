import t, { type Test } from 'tap';
import { labHosts, until, untilProviders, type Host } from './support/lab.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// An encrypted network over three hosts, and what of it can be seen between them.

const lab = await labHosts(t, 'sec');
const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)];
const serviceIp = '10.1.1.100';

t.teardown(async () => {
  if (!t.passing()) t.comment(await lab.logs());
});

const clients = new Map<Host, Traffic>();

/** Until the end of the file. */
function trafficOf(host: Host, container: string): Promise<Traffic> {
  return Traffic.from(t, host, container);
}

function clientOn(host: Host): Traffic {
  const traffic = clients.get(host);
  if (!traffic) throw new Error(`there is no client on ${host.name}`);
  return traffic;
}

/** Counts what leaves the host for the others: in tunnels; and what is VXLAN of the encrypted network, or looks like it. */
async function watchUnderlay(host: Host): Promise<void> {
  const rules = ['udp dport 51820-51821 counter comment tunnel', 'udp dport 4790 counter comment clear', 'udp dport 4789 @th,96,24 1 counter comment clear'];
  await host.ok('nft', 'add table netdev watch; add chain netdev watch out { type filter hook egress device "eth0" priority 0; }');
  for (const rule of rules) await host.ok('nft', `add rule netdev watch out ${rule.replace(/comment (\w+)/, 'comment "$1"')}`);
}

async function left(host: Host, comment: 'tunnel' | 'clear'): Promise<number> {
  const text = await host.ok('nft', 'list', 'table', 'netdev', 'watch');
  return [...text.matchAll(/packets (\d+) bytes \d+ comment "(\w+)"/g)].reduce((sum, [, count, word]) => sum + (word === comment ? Number(count) : 0), 0);
}

async function nothingInClear(t: Test): Promise<void> {
  for (const host of lab.hosts) t.equal(await left(host, 'clear'), 0, `nothing leaves ${host.name} in clear`);
}

async function explained(host: Host, container: string): Promise<string> {
  return (await host.netctl('service', 'explain', 'web')).split('\n').find((line) => line.includes(container)) ?? '';
}

t.test('who cannot be reached by a tunnel is no provider', async (t) => {
  for (const host of lab.hosts) await watchUnderlay(host);
  await h3.ok('nft', 'add table inet wall; add chain inet wall in { type filter hook input priority 0; }; add rule inet wall in udp dport 51820 drop');
  await h1.netctl('net', 'create', '--encrypt', 'secret', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  t.match(await h2.netctl('net', 'ls'), /secret +data +vxlan, encrypted +1 /);
  await h1.netctl('service', 'create', 'web', '-s', 'secret', '-ip', serviceIp, '-l', 'tier=web', '-p', '80:80:tcp', '-p', '81:81:tcp');
  await Promise.all(
    lab.hosts.map(async (host) => {
      await runClient(host, `p-${host.name}`, 'secret', '--label=tier=web');
      await runClient(host, `c-${host.name}`, 'secret');
      const server = await trafficOf(host, `p-${host.name}`);
      await server.listen(80, host.name, 'closes');
      await server.listen(81, host.name, 'repeats');
      clients.set(host, await trafficOf(host, `c-${host.name}`));
    }),
  );
  await untilProviders(h1, 'web', ['p-h1', 'p-h2']);
  t.match(await explained(h1, 'p-h3'), /its host h3 is not ready: it has no encrypted connection with this host/);
  t.same(answers(await clientOn(h1).connect(serviceIp, 80, 10)), { [`h1 ${await addressOf(h1)}`]: 5, [`h2 ${await addressOf(h1)}`]: 5 });
  await h3.ok('nft', 'delete', 'table', 'inet', 'wall');
  for (const host of lab.hosts) await untilProviders(host, 'web', ['p-h1', 'p-h2', 'p-h3']);
});

async function addressOf(host: Host): Promise<string> {
  return host.docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', `c-${host.name}`);
}

/** Each host's client is served by all in turn. */
async function allAreServed(t: Test): Promise<void> {
  for (const host of lab.hosts) {
    const own = await addressOf(host);
    t.same(answers(await clientOn(host).connect(serviceIp, 80, 9)), Object.fromEntries(['h1', 'h2', 'h3'].map((name) => [`${name} ${own}`, 3])), `from ${host.name}`);
  }
}

t.test('containers on all hosts reach each other, and nothing can be seen of it between them', async (t) => {
  await allAreServed(t);
  t.match(await h1.docker('exec', 'c-h1', 'cat', '/sys/class/net/eth0/mtu'), /^1370$/);
  const before = await left(h1, 'tunnel');
  t.equal((await h1.inside('c-h1', `ping -c 3 -i 0.1 -s 1342 ${await addressOf(h2)}`)).exitCode, 0, 'as large as it may be');
  t.ok((await left(h1, 'tunnel')) >= before + 3);
  await nothingInClear(t);
});

t.test('open connections live on while netctld is restarted', async (t) => {
  const held = await Promise.all([1, 2, 3].map(() => clientOn(h1).hold(serviceIp, 81)));
  await h1.daemon('restart', 'netctld');
  await untilProviders(h1, 'web', ['p-h1', 'p-h2', 'p-h3']);
  for (const connection of held) t.equal(await connection.say('still there?'), 'still there?', connection.greeting);
});

t.test('a tunnel that somebody deletes is back soon, and nothing leaves without it', async (t) => {
  const held = await Promise.all([1, 2, 3].map(() => clientOn(h1).hold(serviceIp, 81)));
  await h1.ok('ip', '-6', 'route', 'add', 'default', 'dev', 'eth0');
  const began = performance.now();
  await h1.ok('ip', 'link', 'delete', 'netctl-wg0');
  for (const connection of held) t.equal(await connection.say('still there?'), 'still there?', connection.greeting);
  const ms = performance.now() - began;
  t.ok(ms < 10_000, `after ${Math.round(ms)} ms`);
  await nothingInClear(t);
  await h1.ok('ip', '-6', 'route', 'delete', 'default', 'dev', 'eth0');
});

t.test('a host changes its key under load', async (t) => {
  for (const host of lab.hosts) await untilProviders(host, 'web', ['p-h1', 'p-h2', 'p-h3']);
  const held = await Promise.all([1, 2, 3].map(() => clientOn(h2).hold(serviceIp, 81)));
  const loads = await Promise.all(lab.hosts.map((host) => clientOn(host).load(serviceIp, 80, 20)));
  const [old = ''] = (await h1.ok('wg', 'show', 'netctl-wg0', 'public-key')).split('\n');
  t.equal(await h1.netctl('host', 'rekey'), 'This host has another key');
  const fresh = await h1.ok('wg', 'show', 'netctl-wg1', 'public-key');
  t.not(fresh, old);
  const address = (await h1.ok('ip', '-6', '-br', 'address', 'show', 'netctl-wg1')).split(/\s+/).find((word) => word.startsWith('fd'))?.split('/')[0] ?? 'none';
  for (const host of [h2, h3]) {
    await until(`${host.name} sends to the new key`, async () => {
      const entries = await host.router('default', 'bridge', 'fdb', 'show', 'dev', 'vx1');
      return entries.includes(`dst ${address} `) || entries;
    });
  }
  for (const connection of held) t.equal(await connection.say('still there?'), 'still there?', connection.greeting);
  const attempts = (await Promise.all(loads.map((end) => end()))).flat();
  t.same(attempts.filter(({ error }) => error !== undefined), [], `of ${attempts.length} connections none fails`);
  await allAreServed(t);
  await nothingInClear(t);
  t.notMatch(await h1.ok('sh', '-c', 'ETCDCTL_API=3 etcdctl --endpoints http://192.168.50.1:2379 get --prefix /netctl/data/hosts/'), new RegExp((await h1.ok('cat', '/var/lib/netctl/wireguard/0.key')).trim().replaceAll('+', '\\+')), 'private keys are not in the store');
  t.match(await h1.ok('stat', '-c', '%a', '/var/lib/netctl/wireguard', '/var/lib/netctl/wireguard/1.key'), /^700\n600$/);
});

t.test('without encrypted networks there are no tunnels', async (t) => {
  await Promise.all(lab.hosts.map((host) => host.docker('rm', '-f', `p-${host.name}`, `c-${host.name}`)));
  await h2.netctl('service', 'rm', 'web');
  await h2.netctl('net', 'rm', 'secret');
  for (const host of lab.hosts) {
    await until(`${host.name} has no tunnel`, async () => {
      const links = await host.ok('ip', '-br', 'link');
      return !links.includes('netctl-wg') || links;
    });
    t.equal((await host.run('ls', '/var/lib/netctl/wireguard')).stdout, '', 'nor a key');
  }
});
