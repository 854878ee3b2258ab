import dgram from 'node:dgram';
import net from 'node:net';
import type { ProbeReply, ProbeRequest, ProbeTask } from './probe.js';

// Runs in a container's network namespace, does what it is told, and answers. See probe.ts.

const silence = 'silence';
const connections = new Map<number, net.Socket>();

const tasks: { [K in ProbeTask['do']]: (task: Extract<ProbeTask, { do: K }>) => Promise<string> } = {
  serve: ({ name, protocol, port }) => (protocol === 'tcp' ? serveTcp(name, port) : serveUdp(name, port)),
  ask: ({ protocol, address, port, sourcePort, patience }) =>
    protocol === 'tcp' ? askTcp(address, port, undefined, patience) : askUdp(address, port, { port: sourcePort }, patience),
  survey,
  open: async ({ connection, address, port, patience }) => {
    const socket = net.connect({ host: address, port });
    connections.set(connection, socket);
    return lineFrom(socket, patience);
  },
  say: async ({ connection, patience }) => {
    const socket = opened(connection);
    socket.write('?\n');
    return lineFrom(socket, patience);
  },
  end: async ({ connection, patience }) => {
    const socket = opened(connection);
    return outcome(patience, (settle) => {
      const failed = (error: NodeJS.ErrnoException): void => settle(wordFor(error));
      socket.once('end', () => settle('ended')).once('error', failed);
      socket.resume().end();
      return () => socket.removeAllListeners().on('error', () => undefined);
    });
  },
};

function opened(connection: number): net.Socket {
  const socket = connections.get(connection);
  if (!socket) throw new Error(`no connection ${connection}`);
  return socket;
}

/** The peer's address as the server sees it; an IPv4 one arrives at an IPv6 socket as ::ffff:1.2.3.4. */
const plain = (address = ''): string => address.replace(/^::ffff:/, '');

/** Greets with who serves and whom it sees, and does so again for every line. */
async function serveTcp(name: string, port: number): Promise<string> {
  const server = net.createServer((socket) => {
    const greet = (): unknown => socket.write(`${name} ${plain(socket.remoteAddress)}\n`);
    socket.on('error', () => socket.destroy());
    socket.on('data', greet);
    greet();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '::', resolve));
  return 'serving';
}

async function serveUdp(name: string, port: number): Promise<string> {
  const server = dgram.createSocket('udp6');
  server.on('message', (_, from) => server.send(`${name} ${plain(from.address)}`, from.port, from.address));
  await new Promise<void>((resolve, reject) => server.once('error', reject).bind(port, '::', resolve));
  return 'serving';
}

/** So many askers at once keep a machine busy and no backlog is exceeded. */
const askers = 16;
/** No datagram of a survey has the port of another: what conntrack still knows of that one would decide where it goes. Below what the kernel hands out. */
let surveyPort = 10_000;

async function survey({ protocol, address, port, times, sources, patience }: Extract<ProbeTask, { do: 'survey' }>): Promise<string> {
  const words: string[] = [];
  let next = 0;
  const asker = async (): Promise<void> => {
    while (next < times) {
      const turn = next++;
      const source = sources[turn % sources.length];
      words[turn] = await (protocol === 'tcp' ? askTcp(address, port, source, patience) : askUdp(address, port, { address: source, port: surveyPort++ }, patience));
    }
  };
  await Promise.all(Array.from({ length: askers }, asker));
  return JSON.stringify(words);
}

async function askTcp(address: string, port: number, source: string | undefined, patience: number): Promise<string> {
  const socket = net.connect({ host: address, port, ...(source === undefined ? {} : { localAddress: source }) });
  const answer = await lineFrom(socket, patience);
  // A reset, so that no closed connection lingers and its port can be used again.
  socket.resetAndDestroy();
  return answer;
}

function lineFrom(socket: net.Socket, patience: number): Promise<string> {
  return outcome(patience, (settle) => {
    const end = (error?: NodeJS.ErrnoException): void => settle(wordFor(error));
    socket.once('data', (data) => settle(data.toString().trim())).once('error', end);
    socket.once('end', () => settle('closed'));
    return () => socket.removeAllListeners().on('error', () => undefined);
  });
}

function askUdp(address: string, port: number, source: { address?: string | undefined; port?: number | undefined }, patience: number): Promise<string> {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return outcome(patience, (settle) => {
    socket.once('message', (data) => settle(data.toString())).on('error', (error) => settle(wordFor(error)));
    // A connected socket is told of ICMP errors.
    socket.bind({ port: source.port ?? 0, ...(source.address === undefined ? {} : { address: source.address }) }, () => socket.connect(port, address, () => socket.send('?')));
    return () => socket.close();
  });
}

function wordFor(error: NodeJS.ErrnoException | undefined): string {
  if (error?.code === 'ECONNREFUSED') return 'refused';
  return error?.code === 'ECONNRESET' ? 'reset' : `error ${error?.code}`;
}

async function outcome(patience: number, start: (settle: (word: string) => void) => () => unknown): Promise<string> {
  let clear: () => unknown = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(silence), patience);
      clear = start(resolve);
    });
  } finally {
    clearTimeout(timer);
    clear();
  }
}

function run<K extends ProbeTask['do']>(task: Extract<ProbeTask, { do: K }>): Promise<string> {
  return tasks[task.do](task);
}

process.on('message', ({ id, task }: ProbeRequest) => {
  const reply = (message: ProbeReply): unknown => process.send?.(message);
  run(task).then(
    (word) => reply({ id, word }),
    (error: unknown) => reply({ id, word: `failed: ${String(error)}` }),
  );
});
process.on('disconnect', () => process.exit());
