import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Attempt, Fate, Requests } from './traffic.js';

// A client that runs in the network namespace of a container. It takes one request per line, as JSON,
// and answers each with one line. It ends with its input, and all its connections with it.

interface Held {
  readonly socket: Socket;
  lines: string[];
  fate: Fate;
}

const connections: Held[] = [];
const loads: { readonly timer: NodeJS.Timeout; readonly attempts: Promise<Attempt>[] }[] = [];

/** One connection: what the other side says before it closes, or why there was none. */
function attempt(host: string, port: number, from?: string, timeoutMs = 10_000): Promise<Attempt> {
  const at = Date.now();
  const started = performance.now();
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port, ...(from !== undefined && { localAddress: from }) });
    const end = (error?: string): void => {
      socket.destroy();
      const ms = performance.now() - started;
      resolve(error === undefined && answer !== '' ? { at, ms, answer: answer.trim() } : { at, ms, error: error ?? 'closed without an answer' });
    };
    socket.setTimeout(timeoutMs, () => end('timed out'));
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.on('end', () => end());
  });
}

async function sequence<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < times; index++) results.push(await work());
  return results;
}

function hold(host: string, port: number): Promise<{ connection: number; greeting: string }> {
  const socket = connect({ host, port });
  const held: Held = { socket, lines: [], fate: { alive: true } };
  const connection = connections.push(held) - 1;
  createInterface({ input: socket }).on('line', (line) => held.lines.push(line)).on('error', () => undefined);
  let error: string | undefined;
  socket.on('error', (problem: NodeJS.ErrnoException) => (error = problem.code ?? problem.message));
  socket.on('end', () => socket.destroy());
  socket.on('close', () => (held.fate = { alive: false, endedAt: Date.now(), reason: error ?? 'closed' }));
  return nextLine(held).then((greeting) => ({ connection, greeting }));
}

async function nextLine(held: Held, timeoutMs = 10_000): Promise<string> {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    const line = held.lines.shift();
    if (line !== undefined) return line;
    if (!held.fate.alive) throw new Error(`the connection has ended: ${held.fate.reason}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`nothing came within ${timeoutMs} ms`);
}

function heldOf(connection: number): Held {
  const held = connections[connection];
  if (!held) throw new Error(`there is no connection ${connection}`);
  return held;
}

/** Paced by the clock: what a busy machine delayed is made up for. */
function startLoad(host: string, port: number, perSecond: number): number {
  const attempts: Promise<Attempt>[] = [];
  const started = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - started) * perSecond) / 1000;
    while (attempts.length < due) attempts.push(attempt(host, port));
  }, 5);
  return loads.push({ timer, attempts }) - 1;
}

function stopLoad(load: number): Promise<Attempt[]> {
  const { timer, attempts } = loads[load] ?? {};
  clearInterval(timer);
  return Promise.all(attempts ?? []);
}

/** Datagrams may be lost, at a busy server for instance. */
const resendMs = 250;

const question = 'who are you\n';

/** A question from this source port, asked again as long as no answer comes, and the answer to it. */
function datagram(host: string, port: number, sourcePort: number, timeoutMs: number, octets: number): Promise<Attempt> {
  const at = Date.now();
  const started = performance.now();
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', reuseAddr: true });
  return new Promise((resolve) => {
    let again: NodeJS.Timeout | undefined;
    const end = (outcome: { answer: string } | { error: string }): void => {
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve({ at, ms: performance.now() - started, ...outcome });
    };
    const timer = setTimeout(() => end({ error: 'timed out' }), timeoutMs);
    socket.on('message', (message) => end(message.length >= octets ? { answer: message.toString().trim() } : { error: `an answer of ${message.length} octets` }));
    socket.on('error', (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }));
    const ask = (): void => socket.send(question.padEnd(octets));
    // Connected, so that an ICMP error is told.
    socket.bind(sourcePort, () =>
      socket.connect(port, host, () => {
        ask();
        again = setInterval(ask, resendMs);
      }),
    );
  });
}

function send(host: string, port: number, payload: string, from?: string): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, from, () =>
      socket.send(Buffer.from(payload, 'base64'), port, host, (error) => {
        socket.close();
        if (error) reject(error);
        else resolve();
      }),
    );
  });
}

/** Answers every datagram, of both families, with the text and the address that it came from, and with blanks up to its own length. */
function serve(port: number, text: string): Promise<void> {
  const socket = createSocket('udp6');
  socket.on('message', (message, from) => socket.send(`${text} ${from.address.replace('::ffff:', '')}\n`.padEnd(message.length > question.length ? message.length : 0), from.port, from.address));
  return new Promise((resolve, reject) => socket.once('error', reject).bind(port, () => resolve()));
}

/** On all addresses of both families; an IPv4 client's is told as such. */
function listen(port: number, text: string, repeats: boolean): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const greeting = `${text} ${socket.remoteAddress?.replace('::ffff:', '') ?? ''}\n`;
    if (!repeats) return void socket.end(greeting);
    socket.write(greeting);
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, '::', () => resolve()));
}

/** Greets every connection; then repeats what comes, or closes. */
function greet(port: number, text: string, hold: boolean): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    if (!hold) return void socket.end(`${text}\n`);
    socket.write(`${text}\n`);
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => server.once('error', reject).listen({ port, backlog: 2000 }, () => resolve()));
}

const handlers: { [K in keyof Requests]: (request: Requests[K]['request']) => Promise<Requests[K]['answer']> } = {
  connect: ({ host, port, times, from }) => sequence(times, () => attempt(host, port, from)),
  hold: ({ host, port }) => hold(host, port),
  async say({ connection, text }) {
    const held = heldOf(connection);
    held.socket.write(`${text}\n`);
    return nextLine(held);
  },
  fate: async ({ connection }) => heldOf(connection).fate,
  load: async ({ host, port, perSecond }) => startLoad(host, port, perSecond),
  unload: ({ load }) => stopLoad(load),
  datagram: ({ host, port, sourcePort, timeoutMs, octets }) => datagram(host, port, sourcePort, timeoutMs, octets),
  send: ({ host, port, payload, from }) => send(host, port, payload, from),
  serve: ({ port, text }) => serve(port, text),
  greet: ({ port, text, hold }) => greet(port, text, hold),
  listen: ({ port, text, repeats }) => listen(port, text, repeats),
};

async function handle(line: string): Promise<void> {
  const { id, op, request } = JSON.parse(line) as { id: number; op: keyof Requests; request: never };
  try {
    process.stdout.write(`${JSON.stringify({ id, answer: await handlers[op](request) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ id, error: error instanceof Error ? error.message : String(error) })}\n`);
  }
}

createInterface({ input: process.stdin }).on('line', (line) => void handle(line)).on('close', () => process.exit(0));
