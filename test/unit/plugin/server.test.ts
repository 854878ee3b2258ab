import fc from 'fast-check';
import { once } from 'node:events';
import { existsSync, linkSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { bodyLimit } from '../../../plugin/body.js';
import { createPluginServer } from '../../../plugin/server.js';
import { inUse } from '../../../src/model/errors.js';
import { recordingLogger, send, startRig } from './client.js';
import { Recorder } from './recorder.js';

const ids = { NetworkID: 'a'.repeat(64), EndpointID: 'b'.repeat(64) };

/** Every method that needs a body, and a body that it takes. */
const withBody: Record<string, Record<string, unknown>> = {
  'IpamDriver.RequestPool': { AddressSpace: 'netctl-local', Pool: '10.1.1.0/24', Options: { tenant: 'default', network: 'net1' } },
  'IpamDriver.ReleasePool': { PoolID: 'p' },
  'IpamDriver.RequestAddress': { PoolID: 'p', Address: '' },
  'IpamDriver.ReleaseAddress': { PoolID: 'p', Address: '10.1.1.5' },
  'NetworkDriver.CreateNetwork': { NetworkID: 'n', Options: { 'com.docker.network.generic': { tenant: 'default', network: 'net1' } } },
  'NetworkDriver.DeleteNetwork': { NetworkID: 'n' },
  'NetworkDriver.CreateEndpoint': { ...ids, Interface: {} },
  'NetworkDriver.DeleteEndpoint': ids,
  'NetworkDriver.EndpointOperInfo': ids,
  'NetworkDriver.Join': { ...ids, SandboxKey: '/key' },
  'NetworkDriver.Leave': ids,
};

t.test('a body that is empty, not JSON or of another shape is rejected and reaches no port', async (t) => {
  const rig = await startRig(t);
  for (const [method, body] of Object.entries(withBody)) {
    for (const bad of ['', ' \n', '{', 'null', '[]', '"x"', '42', '{}', '\u0000', JSON.stringify(body).slice(0, -1)]) {
      const reply = await send(rig.socketPath, method, bad);
      t.equal(reply.status, 400, `${method} of ${JSON.stringify(bad)}`);
      t.type(reply.body['Err'], 'string');
    }
  }
  t.strictSame(rig.ports.calls, []);
  t.ok(rig.logs.every((line) => line.fields['event'] === 'plugin-request-rejected' && line.fields['status'] === 400));
});

t.test('fields of the wrong type or with unusable text are rejected, and named', async (t) => {
  const rig = await startRig(t);
  const wrong: [string, string, unknown][] = [
    ['IpamDriver.RequestPool', 'Pool', '10.1.1.0'],
    ['IpamDriver.RequestPool', 'Pool', 7],
    ['IpamDriver.RequestPool', 'Options', { tenant: 1 }],
    ['IpamDriver.RequestPool', 'V6', 'yes'],
    ['IpamDriver.RequestAddress', 'Address', '10.1.1'],
    ['IpamDriver.ReleaseAddress', 'Address', ''],
    ['IpamDriver.ReleasePool', 'PoolID', ''],
    ['NetworkDriver.CreateNetwork', 'NetworkID', '../../x'],
    ['NetworkDriver.CreateNetwork', 'Options', { 'com.docker.network.generic': 'x' }],
    ['NetworkDriver.CreateEndpoint', 'Interface', { MacAddress: 'no' }],
    ['NetworkDriver.CreateEndpoint', 'Interface', { Address: '10.1.1.5/24/24' }],
    ['NetworkDriver.CreateEndpoint', 'EndpointID', null],
    ['NetworkDriver.Join', 'SandboxKey', {}],
    ['NetworkDriver.Leave', 'EndpointID', 'x'.repeat(200)],
  ];
  for (const [method, field, value] of wrong) {
    const reply = await rig.call(method, { ...withBody[method], [field]: value });
    t.equal(reply.status, 400, `${method} ${field}`);
    t.match(reply.body['Err'], new RegExp(`^the request is not what Docker sends: ${field}`));
  }
  t.strictSame(rig.ports.calls, []);
});

t.test('unknown methods, other verbs and names of object members are not found', async (t) => {
  const rig = await startRig(t);
  for (const method of ['NetworkDriver.Nothing', 'NetworkDriver.GwAllocCheck', 'constructor', '__proto__', 'toString', '']) {
    const reply = await rig.call(method, {});
    t.equal(reply.status, 404, method);
    t.match(reply.body['Err'], 'netctl has no method');
  }
  const get = await send(rig.socketPath, 'Plugin.Activate', '', 'GET');
  t.equal(get.status, 405);
  t.equal(get.headers.allow, 'POST');
});

t.test('the whole 8 MB of all ports are taken; a larger body than the limit is refused and the server lives', async (t) => {
  const rig = await startRig(t);
  const ports = Array.from({ length: 65_535 }, (_, i) => ({ Proto: 6, IP: '', Port: i, HostIP: '0.0.0.0', HostPort: i, HostPortEnd: i }));
  const whole = await rig.call('NetworkDriver.CreateEndpoint', { ...ids, Interface: {}, Options: { 'com.docker.network.portmap': ports } });
  t.equal(whole.status, 200);
  const huge = await send(rig.socketPath, 'NetworkDriver.Leave', Buffer.alloc(bodyLimit + 1, 0x20));
  t.equal(huge.status, 413);
  t.match(huge.body['Err'], `larger than ${bodyLimit} bytes`);
  t.equal((await rig.call('NetworkDriver.Leave', ids)).status, 200);
  t.strictSame(rig.ports.calls.map(([call]) => call), ['createEndpoint', 'leave']);
});

t.test('a refusal is its sentence, in the field that each driver reads; a bug says that netctl failed', async (t) => {
  const rig = await startRig(t);
  rig.ports.before = () => Promise.reject(inUse('network net1 is in use: stop c1'));
  for (const [method, body] of Object.entries(withBody)) {
    const field = method.startsWith('Ipam') ? 'Error' : 'Err';
    const reply = await rig.call(method, body);
    t.equal(reply.status, 200);
    t.strictSame(reply.body, { [field]: 'network net1 is in use: stop c1' }, method);
  }
  t.match(rig.logs.at(-1), { level: 'warn', fields: { event: 'plugin-call', call: 'NetworkDriver.Leave', ...ids, code: 'in-use' } });
  rig.ports.before = () => Promise.reject(new TypeError('x is undefined'));
  t.strictSame((await rig.call('NetworkDriver.Leave', ids)).body, { Err: 'netctl failed: x is undefined' });
  t.match(rig.logs.at(-1), { level: 'error', fields: { err: TypeError } });
});

t.test('every call is logged with its ids', async (t) => {
  const rig = await startRig(t);
  await rig.call('IpamDriver.RequestAddress', { PoolID: 'p', Address: '', Options: {} });
  t.match(rig.logs, [{ level: 'debug', fields: { event: 'plugin-call', call: 'IpamDriver.RequestAddress', PoolID: 'p', tookMs: Number } }]);
});

t.test('a port that never answers: Docker is answered at the deadline, and the late end is logged', async (t) => {
  const rig = await startRig(t, 50);
  let finish = (): void => undefined;
  rig.ports.before = () => new Promise((resolve) => (finish = resolve));
  t.strictSame((await rig.call('NetworkDriver.Join', withBody['NetworkDriver.Join'])).body, {
    Err: 'netctl did not finish within 50 ms: see its log, then try again',
  });
  rig.obstacle = 'the store is away';
  t.strictSame((await rig.call('NetworkDriver.Join', withBody['NetworkDriver.Join'])).body, { Err: 'netctl did not finish within 50 ms: the store is away' }, 'what is in the way is told, if it is known');
  t.strictSame(Object.keys((await rig.call('IpamDriver.RequestAddress', withBody['IpamDriver.RequestAddress'])).body), ['Error']);
  finish();
  while (rig.logs.at(-1)?.fields['event'] !== 'plugin-call-late') await new Promise(setImmediate);
  t.match(rig.logs.at(-1), { level: 'warn', fields: { call: 'IpamDriver.RequestAddress', PoolID: 'p' } });
});

t.test('a body that never ends is answered at the deadline too', async (t) => {
  const rig = await startRig(t, 50);
  const socket = connect(rig.socketPath);
  socket.write('POST /NetworkDriver.Leave HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  t.match(chunk.toString(), /^HTTP\/1.1 408 /);
  await once(socket, 'close');
  t.equal(rig.logs.at(-1)?.fields['status'], 408);
});

t.test('a client that goes away while it sends harms nobody', async (t) => {
  const rig = await startRig(t);
  const socket = connect(rig.socketPath);
  socket.write('POST /NetworkDriver.Leave HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{', () => socket.destroy());
  while (rig.logs.length === 0) await new Promise(setImmediate);
  t.match(rig.logs[0]?.message, 'did not arrive whole');
  t.equal((await rig.call('NetworkDriver.Leave', ids)).status, 200);
});

t.test('calls run at the same time, the same one twice too: nothing is held back or merged', async (t) => {
  const rig = await startRig(t);
  let running = 0;
  let release = (): void => undefined;
  const all = new Promise<void>((resolve) => (release = resolve));
  rig.ports.before = async () => {
    running += 1;
    if (running === 50) release();
    await all;
  };
  const replies = await Promise.all(Array.from({ length: 50 }, () => rig.call('NetworkDriver.Join', withBody['NetworkDriver.Join'])));
  t.ok(replies.every((reply) => reply.status === 200 && 'InterfaceName' in reply.body));
  t.equal(rig.ports.calls.length, 50);
});

t.test('garbage never gets anything but an answer', async (t) => {
  const rig = await startRig(t);
  const methods = fc.constantFrom(...Object.keys(withBody));
  const mutated = methods.chain((method) =>
    fc.record({ method: fc.constant(method), body: fc.tuple(fc.constantFrom(...Object.keys(withBody[method] ?? {})), fc.jsonValue()).map(([field, value]) => JSON.stringify({ ...withBody[method], [field]: value })) }),
  );
  const raw = fc.record({ method: methods, body: fc.oneof(fc.string(), fc.json()) });
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, raw), async ({ method, body }) => {
      const reply = await send(rig.socketPath, method, body);
      return reply.status === 200 ? !('Err' in reply.body && String(reply.body['Err']).startsWith('netctl failed')) : reply.status === 400 && typeof reply.body['Err'] === 'string';
    }),
    { numRuns: 300 },
  );
});

t.test('the socket file of a crashed process is replaced; that of a live one, or a plain file, is refused', async (t) => {
  const rig = await startRig(t);
  const ports = new Recorder();
  const another = createPluginServer({ addresses: ports, endpoints: ports, publications: ports, logger: recordingLogger([]) });
  await t.rejects(another.listen(rig.socketPath), { code: 'conflict', message: `cannot listen at ${rig.socketPath}: another process does; stop it first` });
  t.equal((await rig.call('Plugin.Activate')).status, 200, 'the first one lives');

  const plain = join(rig.directory, 'plain');
  writeFileSync(plain, 'keep');
  await t.rejects(another.listen(plain), { code: 'invalid' });
  t.ok(existsSync(plain));

  const stale = join(rig.directory, 'stale.sock');
  await leaveSocketFile(stale);
  t.ok(existsSync(stale));
  await another.listen(stale);
  t.equal((await send(stale, 'Plugin.Activate', '')).status, 200);
  t.equal(statSync(stale).mode & 0o777, 0o600);
  await another.close();
  t.notOk(existsSync(stale), 'nothing is left behind');
  await another.close();
});

t.test('close answers what runs, cuts off who only sits there, and takes nothing more', async (t) => {
  const rig = await startRig(t, 200);
  let finish = (): void => undefined;
  rig.ports.before = () => new Promise((resolve) => (finish = resolve));
  const idle = connect(rig.socketPath);
  const half = connect(rig.socketPath);
  half.write('POST /x HTTP/1.1\r\n');
  idle.on('error', () => undefined);
  half.on('error', () => undefined);
  const running = rig.call('NetworkDriver.Leave', ids);
  while (rig.ports.calls.length === 0) await new Promise(setImmediate);
  const closed = rig.server.close();
  await t.rejects(send(rig.socketPath, 'Plugin.Activate', ''));
  finish();
  t.equal((await running).status, 200);
  await closed;
});

/** What a process leaves behind that had no time to remove its socket: another name of the file outlives the listener. */
async function leaveSocketFile(path: string): Promise<void> {
  const server = createServer().listen(`${path}.live`);
  await once(server, 'listening');
  linkSync(`${path}.live`, path);
  server.close();
  await once(server, 'close');
}
