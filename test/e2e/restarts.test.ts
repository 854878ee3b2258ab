import t, { type Test } from 'tap';
import { labHost, netctld, until, untilProviders, type Host } from './support/lab.js';
import { runClient, runServer, servicePorts, untilListening } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Daemons come and go; connections, services and addresses stay. Docker keeps its containers while it
// is away (--live-restore), but for the last tests.

const serviceIp = '100.1.1.9';
const servers = ['s1', 's2', 's3'] as const;
const liveRestore = { LAB_DOCKERD_OPTS: '--live-restore' };

const host = await labHost(t, 'restarts', liveRestore);
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '--pkt-tag', '4711');
await host.netctl('service', 'create', 'web', '--network', 'services', '--selector=tier=web', '-ip', serviceIp, ...servicePorts);
for (const name of servers) await runServer(host, name, { network: 'blue', labels: ['tier=web'], options: ['--restart', 'always'] });
await runClient(host, 'client', 'blue', '--restart', 'always');
await untilProviders(host, 'web', servers);
let traffic = await Traffic.from(t, host, 'client');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

/** All that the router holds, without what it has counted; rules and chains with their handles, which change when they are made anew. */
async function routerState(host: Host): Promise<Record<string, string>> {
  const [ip, ip6, links, addresses, neighbours, routes] = await Promise.all([
    host.router('default', 'nft', '-s', '-a', 'list', 'table', 'ip', 'netctl'),
    host.router('default', 'nft', '-s', '-a', 'list', 'table', 'ip6', 'netctl'),
    host.router('default', 'ip', '-o', 'link'),
    host.router('default', 'ip', '-o', 'address'),
    host.router('default', 'ip', 'neighbour', 'show', 'nud', 'permanent'),
    host.router('default', 'ip', 'route', 'show', 'table', 'all'),
  ]);
  return { ip, ip6, links, addresses, neighbours, routes };
}

/** What users see of what they made. */
async function objects(host: Host): Promise<unknown[]> {
  const net = await host.inspect<{ Config: unknown; Oper: { pktTag: number; allocatedIPAddresses: string } }>('networks/default:blue');
  const service = await host.service('web');
  return [net.Config, net.Oper.pktTag, net.Oper.allocatedIPAddresses, service.Config, service.Oper.serviceVip, await host.netctl('ep', 'ls', '-q')];
}

async function allAnswer(t: Test, what: string): Promise<void> {
  t.strictSame(answers(await traffic.connect(serviceIp, 8080, 15)), { s1: 5, s2: 5, s3: 5 }, what);
}

/** Docker has started its containers anew. @param before what {@link objects} were */
async function allAreBack(t: Test, before: readonly unknown[]): Promise<void> {
  await untilProviders(host, 'web', servers);
  for (const name of servers) await untilListening(host, name);
  traffic = await Traffic.from(t, host, 'client');
  await allAnswer(t, 'all containers are back, and answer');
  const after = await objects(host);
  t.strictSame([after[0], after[1], after[3], after[4]], [before[0], before[1], before[3], before[4]], 'networks and services are the same');
  t.equal(String(after[5]).split('\n').length, 4, 'there are as many endpoints as containers');
}

/** Something happens to daemons; nobody and nothing else notices. */
async function unnoticed(t: Test, away: () => Promise<void>, back: () => Promise<void>): Promise<void> {
  const connection = await traffic.hold(serviceIp, 8081);
  const [state, seen] = [await routerState(host), await objects(host)];
  await away();
  t.equal(await connection.say('while it is away'), 'while it is away', 'an open connection goes on');
  await allAnswer(t, 'new connections are shared evenly meanwhile');
  await back();
  await untilProviders(host, 'web', servers);
  t.equal(await connection.say('when it is back'), 'when it is back', 'the same connection goes on afterwards');
  t.strictSame(await objects(host), seen, 'objects are the same');
  t.strictSame(await routerState(host), state, 'nothing in the router was made anew');
  await allAnswer(t, 'new connections are shared evenly afterwards');
}

for (const verb of ['stop', 'kill'] as const) {
  t.test(`netctld: ${verb} and start`, (t) =>
    unnoticed(t, () => host.daemon(verb, 'netctld'), () => host.daemon('start', 'netctld')),
  );

  t.test(`dockerd: ${verb} and start`, (t) =>
    unnoticed(t, () => host.daemon(verb, 'dockerd'), () => host.daemon('start', 'dockerd')),
  );
}

t.test('both away, netctld back first: it answers without Docker', (t) =>
  unnoticed(
    t,
    async () => {
      await host.daemon('stop', 'netctld');
      await host.daemon('stop', 'dockerd');
    },
    async () => {
      await host.daemon('start', 'netctld');
      t.match(await host.netctl('service', 'ls'), /web +default +services +100\.1\.1\.9/, 'service ls answers');
      await allAnswer(t, 'the rules are left as they are while nobody knows the containers');
      const refused = await host.run('netctl', 'net', 'create', 'green', '-s', '10.2.1.0/24');
      t.equal(refused.exitCode === 0, false, 'a network needs Docker');
      t.match(refused.stderr, /Docker does not answer/, 'which is said');
      t.notMatch(await host.netctl('net', 'ls', '-q'), /green/, 'nothing is left of it');
      await host.daemon('start', 'dockerd');
    },
  ),
);

t.test('both away, dockerd back first', (t) =>
  unnoticed(
    t,
    async () => {
      await host.daemon('kill', 'dockerd');
      await host.daemon('kill', 'netctld');
    },
    async () => {
      // Docker waits for its plugins while it starts, 15 s for each use of them; who does not come is given up.
      const dockerd = host.daemon('start', 'dockerd');
      await until('dockerd has begun to start', async () => (await host.run('test', '-s', '/run/docker.pid')).exitCode === 0 || 'not yet');
      await host.daemon('start', 'netctld');
      await dockerd;
    },
  ),
);

t.test('a second netctld on the same state is refused', async (t) => {
  const second = await host.run(...netctld, '--socket', '/run/second.sock', '--plugin-socket', '/run/second-plugin.sock');
  t.equal(second.exitCode, 1);
  t.match(second.stderr, /^netctld: the state in \/var\/lib\/netctl is in use by another netctld: /m, 'it says why');
  await allAnswer(t, 'the first goes on');
});

t.test('containers that went, paused and came while netctld was away are seen', async (t) => {
  const udp = (await traffic.datagram(serviceIp, 53, 6000)).answer ?? '';
  const [killed, paused, left] = [udp, ...servers.filter((name) => name !== udp)] as [string, string, string];
  const pid = await host.docker('inspect', '--format', '{{.State.Pid}}', killed);
  await host.daemon('kill', 'netctld');
  // Docker waits for the plugin, so these end when netctld is back, or after 15 s; nor does it answer what it is asked of them.
  const kill = host.docker('rm', '-f', killed);
  await host.docker('pause', paused);
  const run = runServer(host, 's4', { network: 'blue', labels: ['tier=web'], options: ['--restart', 'always'] });
  await until(`the process of ${killed} is gone`, async () => (await host.run('test', '-d', `/proc/${pid}`)).exitCode !== 0 || 'it is there');
  await host.daemon('start', 'netctld');
  await kill;
  await run;
  await untilProviders(host, 'web', [left, 's4']);
  t.strictSame(answers(await traffic.connect(serviceIp, 8080, 10)), { [left]: 5, s4: 5 });
  t.not((await traffic.datagram(serviceIp, 53, 6000)).answer, killed, 'a UDP client leaves the one that is gone');

  await host.docker('unpause', paused);
  await host.docker('rm', '-f', 's4');
  await runServer(host, killed, { network: 'blue', labels: ['tier=web'], options: ['--restart', 'always'] });
  await untilProviders(host, 'web', servers);
  await allAnswer(t, 'all are back');
});

t.test('a container whose process ends while dockerd is away is seen', async (t) => {
  await runServer(host, 's5', { network: 'blue', labels: ['tier=web'] });
  await untilProviders(host, 'web', [...servers, 's5']);
  const pid = await host.docker('inspect', '--format', '{{.State.Pid}}', 's5');
  await host.daemon('stop', 'dockerd');
  await host.ok('kill', '-KILL', pid);
  await host.daemon('start', 'dockerd');
  await untilProviders(host, 'web', servers);
  await allAnswer(t, 'the others answer');
  await host.docker('rm', '-f', 's5');
});

for (const verb of ['kill', 'stop'] as const) {
  t.test(`dockerd without live-restore: ${verb} and start`, async (t) => {
    const before = await objects(host);
    await host.daemon(verb, 'dockerd');
    t.match(await host.netctl('service', 'ls'), /web +default +services +100\.1\.1\.9/, 'netctld answers meanwhile');
    // From its start on Docker takes its containers along when it ends, and brings them back.
    await host.daemon('start', 'dockerd', { LAB_DOCKERD_OPTS: '' });
    await allAreBack(t, before);
  });
}

t.test('dockerd without live-restore is killed while netctld is away', async (t) => {
  const before = await objects(host);
  await host.daemon('kill', 'netctld');
  await host.daemon('kill', 'dockerd');
  const dockerd = host.daemon('start', 'dockerd');
  await until('dockerd has begun to start', async () => (await host.run('test', '-s', '/run/docker.pid')).exitCode === 0 || 'not yet');
  await host.daemon('start', 'netctld');
  await dockerd;
  await allAreBack(t, before);
});

t.test('the host loses its power', async (t) => {
  const before = await objects(host);
  await host.reboot();
  await allAreBack(t, before);
  t.equal((await host.router('default', 'ip', '-br', 'link')).match(/^vr-/gm)?.length, 4, 'each container has its link, and there is no other');
});
