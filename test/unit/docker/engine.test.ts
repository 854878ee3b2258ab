import type { ServerResponse } from 'node:http';
import t from 'tap';
import { ask, openDocker } from '../../../daemon/docker/client.js';
import { createDockerEngine } from '../../../daemon/docker/engine.js';
import type { DockerEngine, DockerNetworkRequest } from '../../../daemon/docker/port.js';
import { FakeEngine, json } from './fake-engine.js';

const request: DockerNetworkRequest = {
  name: 'net1/blue',
  options: { tenant: 'blue', network: 'net1' },
  ipamOptions: { tenant: 'blue', network: 'net1' },
  subnets: [{ subnet: '10.1.1.0/24', gateway: '10.1.1.254' }, { subnet: 'fd00::/64' }],
  ipv6: true,
  internal: false,
  addressesBy: 'netctl',
};

async function start(t: { teardown(fn: () => Promise<void>): unknown }): Promise<{ fake: FakeEngine; engine: DockerEngine }> {
  const fake = await FakeEngine.make(t);
  await fake.start();
  return { fake, engine: createDockerEngine(openDocker(fake.socketPath)) };
}

t.test('createNetwork asks for driver and IPAM driver netctl, with options for both', async (t) => {
  const { fake, engine } = await start(t);
  fake.instead.set('POST /networks/create', (_, response) => json(response, 201, { Id: 'n1', Warning: '' }));
  t.equal(await engine.createNetwork(request), 'n1');
  t.strictSame(JSON.parse(fake.bodies[0] ?? ''), {
    Name: 'net1/blue',
    Driver: 'netctl',
    CheckDuplicate: true,
    EnableIPv6: true,
    EnableIPv4: true,
    Internal: false,
    Options: { tenant: 'blue', network: 'net1' },
    IPAM: { Driver: 'netctl', Options: { tenant: 'blue', network: 'net1' }, Config: [{ Subnet: '10.1.1.0/24', Gateway: '10.1.1.254' }, { Subnet: 'fd00::/64' }] },
  });
});

t.test('a network of IPv6 alone says so to Dockers that know such, and internal ones, and those with addresses of Docker', async (t) => {
  const { fake, engine } = await start(t);
  fake.instead.set('POST /networks/create', (_, response) => json(response, 201, { Id: 'n1', Warning: '' }));
  await engine.createNetwork({ ...request, subnets: [{ subnet: 'fd00::/64' }], internal: true, addressesBy: 'docker' });
  t.match(JSON.parse(fake.bodies[0] ?? ''), { EnableIPv4: false, EnableIPv6: true, Internal: true });
  t.strictSame((JSON.parse(fake.bodies[0] ?? '') as { IPAM: unknown }).IPAM, { Config: [{ Subnet: 'fd00::/64' }] });
});

t.test('refusals of Docker keep its words', async (t) => {
  const { fake, engine } = await start(t);
  for (const [status, message, code] of [
    [409, 'network with name net1/blue already exists', 'conflict'],
    [403, 'operation is not permitted on predefined bridge network', 'conflict'],
    [500, 'IpamDriver.RequestPool: no', 'internal'],
    [404, 'plugin "netctl" not found', 'internal'],
    [400, 'bad', 'internal'],
  ] as const) {
    fake.instead.set('POST /networks/create', (_, response) => json(response, status, { message }));
    await t.rejects(engine.createNetwork(request), { code, message: `Docker would not create the network net1/blue: ${message}` });
  }
});

t.test('removeNetwork succeeds if there is none, and says who is in the way', async (t) => {
  const { fake, engine } = await start(t);
  await engine.removeNetwork('missing');
  fake.instead.set('DELETE /networks/n1', (_, response) => void response.writeHead(204).end());
  await engine.removeNetwork('n1');
  fake.instead.set('DELETE /networks/n1', (_, response) => json(response, 403, { message: 'error while removing network: network net1 id n1 has active endpoints' }));
  await t.rejects(engine.removeNetwork('n1'), { code: 'in-use' });
  t.strictSame(fake.requests, ['DELETE /networks/missing', 'DELETE /networks/n1', 'DELETE /networks/n1']);
});

t.test('listNetworks names ours only', async (t) => {
  const { fake, engine } = await start(t);
  fake.instead.set('GET /networks', (_, response) => json(response, 200, [{ Id: 'n1', Name: 'net1', Driver: 'netctl', Options: { tenant: 'default' }, Scope: 'local' }, { Id: 'n2', Name: 'net2', Driver: 'netctl', Options: null }]));
  t.strictSame(await engine.listNetworks(), [
    { id: 'n1', name: 'net1', driver: 'netctl', options: { tenant: 'default' } },
    { id: 'n2', name: 'net2', driver: 'netctl', options: {} },
  ]);
  t.strictSame(JSON.parse(fake.queries[0]?.get('filters') ?? ''), { driver: ['netctl'] });
  fake.instead.set('GET /networks', (_, response) => json(response, 200, { a: 1 }));
  await t.rejects(engine.listNetworks(), { code: 'internal', message: /is not understood/ });
});

t.test('listEndpoints names the endpoints of a network, none if it is not there', async (t) => {
  const { fake, engine } = await start(t);
  fake.instead.set('GET /networks/n1', (_, response) => json(response, 200, { Id: 'n1', Containers: { c1: { EndpointID: 'e1' }, c2: { EndpointID: 'e2' } } }));
  fake.instead.set('GET /networks/n2', (_, response) => json(response, 200, { Id: 'n2', Containers: null }));
  t.strictSame(await engine.listEndpoints('n1'), ['e1', 'e2']);
  t.strictSame(await engine.listEndpoints('n2'), []);
  t.strictSame(await engine.listEndpoints('missing'), []);
  fake.instead.set('GET /networks/n1', (_, response) => json(response, 500, { message: 'lock held' }));
  await t.rejects(engine.listEndpoints('n1'), { code: 'internal', message: 'Docker would not inspect the network n1: lock held' });
});

t.test('listEndpoints keeps no connection to a Docker that hangs', async (t) => {
  const { fake } = await start(t);
  const cancel = new AbortController();
  const engine = createDockerEngine({ ...openDocker(fake.socketPath), cancel: cancel.signal });
  const closed = new Promise<void>((resolve) => {
    fake.instead.set('GET /networks/n1', (_, response) => {
      response.on('close', resolve);
      cancel.abort();
    });
  });
  await t.rejects(engine.listEndpoints('n1'), { code: 'unavailable' });
  await closed;
});

t.test('Docker that is not there, or breaks off in every way, is unavailable', async (t) => {
  const { fake, engine } = await start(t);
  const breaks: Record<string, (response: ServerResponse) => unknown> = {
    'before the answer': (response) => response.destroy(),
    'in the middle of the answer': (response) => response.writeHead(200, { 'Content-Length': 100 }).write('[', () => response.destroy()),
  };
  const client = openDocker(fake.socketPath);
  for (const [name, breakOff] of Object.entries(breaks)) {
    fake.instead.set('GET /networks', (_, response) => void breakOff(response));
    await t.rejects(ask(client, 'list', 300, (abortSignal) => client.api.listNetworks({ abortSignal })), { code: 'unavailable' }, name);
  }
  await fake.stop();
  await t.rejects(engine.listNetworks(), { code: 'unavailable', message: new RegExp(`^Docker does not answer at ${fake.socketPath}: start it`) });
});

t.test('Docker that hangs is given up, also in the middle of an answer', async (t) => {
  const { fake } = await start(t);
  const client = openDocker(fake.socketPath);
  let closed = 0;
  const hang = (response: ServerResponse): void => void response.on('close', () => (closed += 1));
  fake.instead.set('GET /networks', (_, response) => hang(response));
  const hung = { code: 'unavailable', message: `Docker at ${fake.socketPath} did not list within 0.1 s: see whether it hangs` };
  await t.rejects(ask(client, 'list', 100, (abortSignal) => client.api.listNetworks({ abortSignal })), hung);
  fake.instead.set('GET /networks', (_, response) => {
    hang(response);
    response.writeHead(200, { 'Content-Length': 100 }).write('[');
  });
  await t.rejects(ask(client, 'list', 100, (abortSignal) => client.api.listNetworks({ abortSignal })), hung);
  while (closed < 2) await new Promise(setImmediate);
  t.pass('the connections are closed');
});

t.test('the environment does not lead to another Docker', async (t) => {
  const before = process.env['DOCKER_HOST'];
  process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:9';
  t.teardown(() => {
    if (before === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = before;
  });
  const { fake, engine } = await start(t);
  fake.instead.set('GET /networks', (_, response) => json(response, 200, []));
  t.strictSame(await engine.listNetworks(), []);
});
