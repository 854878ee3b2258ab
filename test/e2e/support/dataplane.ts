import type { Test } from 'tap';
import { untilProviders, type Host } from './lab.js';
import { answers, Traffic } from './traffic.js';
import { Place, type World } from './world.js';

// Who can call a service from where, who answers, and which address the provider sees. Two providers on network blue, one
// service on a network without a gateway, one on a network with one.

const providers = ['p1', 'p2'] as const;
const ports = ['--port', '8080:80:tcp', '--port', '8443:443:tcp', '--port', '53:53:udp', '--port', '54:1054:udp'];
/** How long an answer to a datagram is waited for, in milliseconds: long, since what is counted is who answers and not when. */
const patienceMs = 5000;
const clients = { third: 'green', same: 'blue', service: 'plain', gateway: 'routed' } as const;

/** Makes the world on the host, and tests all of it. Leaves it there. */
export async function dataplane(t: Test, host: Host, world: World): Promise<void> {
  const place = new Place(host, world);
  const scene = new Scene(place);
  await scene.set(t);
  const { plain, routed } = world.serviceIps;

  for (const client of ['third', 'same', 'gateway'] as const) {
    await t.test(`a client on network ${clients[client]}`, async (t) => {
      const own = await place.addressOf(client);
      for (const ip of [plain, routed]) await scene.served(t, client, ip, () => own);
    });
  }

  await t.test('a client on the service’s own network, which has no gateway', async (t) => {
    const own = await place.addressOf('service');
    await scene.served(t, 'service', plain, () => own);
    t.strictSame(answers(await (await scene.traffic(t, 'service')).connect(routed, 8080, 3)), { ENETUNREACH: 3 }, 'has no way to services elsewhere');
  });

  await t.test('a provider calls its own service', async (t) => {
    const own = await place.addressOf('p1');
    // To itself it must come from somewhere else: answered directly, the reply would not come from the service IP.
    for (const ip of [plain, routed]) await scene.served(t, 'p1', ip, (provider) => (provider === 'p1' ? world.gateway : own));
  });

  await t.test('a provider is still reached by its own address, in its own network', async (t) => {
    const traffic = await scene.traffic(t, 'same');
    const [own, target] = [await place.addressOf('same'), await place.addressOf('p1')];
    t.strictSame(answers(await traffic.connect(target, 80, 10)), { [`p1 80 ${own}`]: 10 });
    t.strictSame(answers([await traffic.datagram(target, 53, 0)]), { [`p1 53 ${own}`]: 1 });
  });

  await t.test('containers reach each other within a network, and not across', async (t) => {
    const [target, third] = [await place.addressOf('p1'), await place.addressOf('third')];
    for (const from of ['same', 'p2']) t.strictSame(await scene.reaches(from, target), { ping: true, tcp: true }, `${from} is on its network`);
    const across = [...['third', 'service', 'gateway'].map((from) => [from, target] as const), ...['p1', 'service', 'gateway'].map((from) => [from, third] as const)];
    // Each is a time-out to wait for.
    const reached = await Promise.all(across.map(([from, address]) => scene.reaches(from, address)));
    for (const [index, [from, address]] of across.entries()) t.strictSame(reached[index], { ping: false, tcp: false }, `${from} does not reach ${address}`);
  });

  await t.test('a service IP answers a ping', async (t) => {
    for (const from of ['third', 'same', 'service', 'p1']) t.equal((await place.inside(from, `ping -c 1 -W 1 ${plain}`)).exitCode, 0, from);
  });

  await t.test('conntrack holds what the provider saw', async (t) => {
    const [own, seen] = [await place.addressOf('third'), await Promise.all(providers.map((provider) => place.addressOf(provider)))];
    const flows = await host.router(world.tenant, 'conntrack', '-L', '-f', `ipv${world.family}`, '-p', 'tcp', '--orig-src', own, '--orig-dst', plain);
    const answered = flows.split('\n').filter((flow) => flow.includes(`src=${own}`) && flow.includes(`dst=${plain}`));
    t.ok(answered.length > 0);
    for (const flow of answered) t.ok(seen.some((provider) => flow.includes(`src=${provider} dst=${own} `)), flow);
  });
}

class Scene {
  constructor(private readonly place: Place) {}

  async set(t: Test): Promise<void> {
    const { place } = this;
    const { tenant, serviceIps } = place.world;
    await place.make('plain', 'routed', 'blue', 'green');
    await place.service('web', 'plain', serviceIps.plain, ...ports);
    await place.service('api', 'routed', serviceIps.routed, ...ports);
    for (const name of providers) {
      await place.run(name, 'blue', '--label=tier=web');
      const server = await this.traffic(t, name);
      for (const port of [80, 443]) await server.listen(port, `${name} ${port}`, 'closes');
      for (const port of [53, 1054]) await server.serve(port, `${name} ${port}`);
    }
    for (const [name, network] of Object.entries(clients)) await place.run(name, network);
    for (const service of ['web', 'api']) await untilProviders(place.host, service, providers.map((name) => place.container(name)), tenant);
  }

  traffic(t: Test, name: string): Promise<Traffic> {
    return Traffic.from(t, this.place.host, this.place.container(name));
  }

  /** Every port of the service, 20 times each: ten answers of each provider, which saw these addresses. */
  async served(t: Test, from: string, serviceIp: string, seenBy: (provider: string) => string): Promise<void> {
    const traffic = await this.traffic(t, from);
    const expected = (port: number): Record<string, number> => Object.fromEntries(providers.map((provider) => [`${provider} ${port} ${seenBy(provider)}`, 10]));
    for (const [port, target] of [[8080, 80], [8443, 443]] as const) {
      t.strictSame(answers(await traffic.connect(serviceIp, port, 20)), expected(target), `${from}: TCP ${serviceIp} ${port}`);
    }
    for (const [port, target] of [[53, 53], [54, 1054]] as const) {
      const datagrams = [];
      for (let count = 0; count < 20; count++) datagrams.push(await traffic.datagram(serviceIp, port, 0, patienceMs));
      t.strictSame(answers(datagrams), expected(target), `${from}: UDP ${serviceIp} ${port}`);
    }
  }

  async reaches(from: string, address: string): Promise<{ ping: boolean; tcp: boolean }> {
    const [ping, tcp] = await Promise.all([this.place.inside(from, `ping -c 1 -W 1 ${address}`), this.place.inside(from, `nc -zw 1 ${address} 80`)]);
    return { ping: ping.exitCode === 0, tcp: tcp.exitCode === 0 };
  }
}
