import type { Test } from 'tap';
import { untilProviders, type Host } from './lab.js';
import { answers, Traffic, type Attempt } from './traffic.js';
import { Place, type World } from './world.js';

// What nobody serves is refused at once, and does not leave a client to its time-out.

const limitMs = 100;

/** Makes networks, a service and clients of the world on the host, and tests them. Leaves all but the service there. */
export async function refusals(t: Test, host: Host, world: World): Promise<void> {
  const place = new Place(host, world);
  const serviceIp = world.serviceIps.plain;
  await place.make('plain', 'blue', 'green');
  await place.service('web', 'plain', serviceIp, '-p', '8080:80:tcp', '-p', '53:5353:udp');
  const clients = { near: 'blue', far: 'green' } as const;
  for (const [name, network] of Object.entries(clients)) await place.run(name, network);
  const [near, far] = await Promise.all(['near', 'far'].map((name) => Traffic.from(t, host, place.container(name))));
  if (!near || !far) throw new Error('there are no clients');

  const datagrams = async (from: Traffic, port: number, count: number): Promise<Attempt[]> => {
    const attempts: Attempt[] = [];
    for (let index = 0; index < count; index++) attempts.push(await from.datagram(serviceIp, port, 0));
    return attempts;
  };
  /** From the network that the providers are on, and from another. */
  const refusedFromEverywhere = async (t: Test, tcpPort: number, udpPort: number): Promise<void> => {
    for (const [name, from] of [['near', near], ['far', far]] as const) {
      refused(t, await from.connect(serviceIp, tcpPort, 50), `TCP from ${name}`);
      refused(t, await datagrams(from, udpPort, 20), `UDP from ${name}`);
    }
  };

  await t.test('no provider yet', (t) => refusedFromEverywhere(t, 8080, 53));

  await t.test('with a provider', async (t) => {
    await place.run('server', 'blue', '--label=tier=web');
    const server = await Traffic.from(t, host, place.container('server'));
    await server.listen(80, 'server at', 'closes');
    await server.serve(5353, 'server at');
    await untilProviders(host, 'web', [place.container('server')], world.tenant);
    for (const [name, from] of [['near', near], ['far', far]] as const) {
      const seen = { [`server at ${await place.addressOf(name)}`]: 5 };
      t.strictSame(answers(await from.connect(serviceIp, 8080, 5)), seen, `TCP from ${name} is served`);
      t.strictSame(answers(await datagrams(from, 53, 5)), seen, `UDP from ${name} is served`);
    }
    await t.test('a port that the service does not have', (t) => refusedFromEverywhere(t, 8079, 54));
    await t.test('the port of the other protocol', (t) => refusedFromEverywhere(t, 53, 8080));
  });

  await t.test('a provider on which nobody listens refuses by itself', async (t) => {
    const ip = `${serviceIp.slice(0, -1)}7`;
    await place.service('deaf', 'plain', ip, '--port', '9:9:tcp', '--port', '9:9:udp');
    refused(t, await far.connect(ip, 9, 20), 'TCP');
    refused(t, [await far.datagram(ip, 9, 0)], 'UDP');
  });

  await t.test('an address of the network that is no service', async (t) => {
    const { stdout } = await place.inside('far', `nc -zw 1 ${serviceIp.slice(0, -1)}5 8080; echo $?`);
    t.equal(stdout, '1', 'does not answer');
  });

  await t.test('after the last provider went', async (t) => {
    await host.docker('rm', '-f', place.container('server'));
    await untilProviders(host, 'web', [], world.tenant);
    await refusedFromEverywhere(t, 8080, 53);
  });

  await t.test('after the service was deleted', async (t) => {
    t.equal((await place.inside('far', `ping -c 1 -W 1 ${serviceIp}`)).exitCode, 0, 'the address answered a ping before');
    await place.netctl('service', 'rm', 'web', '-t', world.tenant);
    const tries = ['near', 'far'].flatMap((name) => [`ping -c 1 -W 1 ${serviceIp}`, `nc -zw 1 ${serviceIp} 8080`].map((script) => ({ name, script })));
    const ended = await Promise.all(tries.map(({ name, script }) => place.inside(name, script)));
    for (const [index, { name, script }] of tries.entries()) t.not(ended[index]?.exitCode, 0, `the address no longer answers ${name}: ${script}`);
    const tables = await host.router(world.tenant, 'nft', 'list', 'table', world.family === 4 ? 'ip' : 'ip6', 'netctl');
    t.notMatch(tables, serviceIp, 'the rules no longer name it');
  });
}

/** All of them refused, and the slowest within the limit. */
function refused(t: Test, attempts: readonly Attempt[], what: string): void {
  t.strictSame(answers(attempts), { ECONNREFUSED: attempts.length }, `${what}: refused`);
  const slowest = Math.max(...attempts.map(({ ms }) => ms));
  t.ok(slowest < limitMs, `${what}: each within ${limitMs} ms`, { slowest });
}
