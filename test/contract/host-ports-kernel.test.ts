import '../support/throw-away-host.js';
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { KernelHostPorts } from '../../daemon/kernel/host-ports.js';
import { hostPortsContract, port } from './host-ports.js';

const ports = new KernelHostPorts();

t.test('KernelHostPorts', (t) => hostPortsContract(t, ports));

/** `listening`, or the name of the error with which a server cannot. Node sets SO_REUSEADDR, as most servers do. */
async function listen(host: string, number: number): Promise<string> {
  const server = net.createServer();
  return outcome(server, () => server.listen(number, host));
}

async function receive(host: string, number: number): Promise<string> {
  const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return outcome(socket, () => socket.bind(number, host));
}

async function outcome(server: net.Server | dgram.Socket, start: () => unknown): Promise<string> {
  const listening = once(server, 'listening');
  start();
  try {
    await listening;
    server.close();
    return 'listening';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
}

t.test('who holds a port keeps other programs from it, until it is released', async (t) => {
  const held = ['0.0.0.0', '::'].flatMap((address) => [port('tcp', address, 8080), port('udp', address, 8080)]);
  held.forEach((each) => ports.hold(each));
  for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::']) {
    t.equal(await listen(host, 8080), 'EADDRINUSE', `TCP at ${host}`);
    t.equal(await receive(host, 8080), 'EADDRINUSE', `UDP at ${host}`);
  }
  held.forEach((each) => ports.release(each));
  t.equal(await listen('127.0.0.1', 8080), 'listening');
  t.equal(await receive('127.0.0.1', 8080), 'listening');
});

t.test('a port that another program has is refused', async (t) => {
  const server = net.createServer().listen(8080, '127.0.0.1');
  await once(server, 'listening');
  for (const address of ['0.0.0.0', '127.0.0.1']) t.throws(() => ports.hold(port('tcp', address, 8080)), { code: 'conflict' });
  t.doesNotThrow(() => ports.hold(port('tcp', '::', 8080)), 'of the other family it is free');
  ports.release(port('tcp', '::', 8080));
  server.close();
});

t.test('a port is not kept by the connections of a program that is gone', async (t) => {
  const server = net.createServer((socket) => socket.end()).listen(8080, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(8080, '127.0.0.1').resume();
  await once(client, 'close');
  server.close();
  await once(server, 'close');
  t.match(spawnSync('ss', ['-tan'], { encoding: 'utf8' }).stdout, /TIME-WAIT.*127\.0\.0\.1:8080/);
  t.doesNotThrow(() => ports.hold(port('tcp', '0.0.0.0', 8080)));
  t.equal(await listen('127.0.0.1', 8080), 'EADDRINUSE');
  ports.release(port('tcp', '0.0.0.0', 8080));
});

t.test('nobody who connects to a held port is kept waiting', async (t) => {
  ports.hold(port('tcp', '0.0.0.0', 8080));
  const [error] = (await once(net.connect(8080, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNREFUSED');
  ports.release(port('tcp', '0.0.0.0', 8080));
});

t.test('no program that netctld starts inherits a port', (t) => {
  ports.hold(port('tcp', '0.0.0.0', 8080));
  // The first three are what Node makes for it.
  const { stdout } = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  t.notMatch(stdout, / ([3-9]|\d\d+) -> socket/);
  ports.release(port('tcp', '0.0.0.0', 8080));
  t.end();
});
