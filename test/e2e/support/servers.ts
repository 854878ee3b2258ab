import type { Host } from './lab.js';

/** What a server listens on inside its container. */
export const ports = {
  /** Says its name and closes. */
  name: 80,
  /** Says its name and the client's address, then repeats what it is told. */
  echo: 81,
  /** UDP: answers each datagram with its name. */
  udp: 53,
} as const;

export interface ServerOptions {
  readonly network: string;
  readonly labels?: readonly string[];
  /** Further options of `docker run`. */
  readonly options?: readonly string[];
  /** What the shell that is the container's first process does at SIGTERM; by default it ends at once. */
  readonly onTerm?: string;
}

const listeners = [
  `socat TCP-LISTEN:${ports.name},fork,reuseaddr,backlog=512 'OPEN:/etc/hostname,rdonly!!OPEN:/dev/null,wronly' &`,
  `socat TCP-LISTEN:${ports.echo},fork,reuseaddr SYSTEM:'echo $(hostname) $SOCAT_PEERADDR; exec cat' &`,
  `socat UDP-RECVFROM:${ports.udp},fork,reuseaddr 'OPEN:/etc/hostname,rdonly!!OPEN:/dev/null,wronly' &`,
].join('\n');

/** A container whose process serves; its host name is its name. Returns when it listens. */
export async function runServer(host: Host, name: string, { network, labels = [], options = [], onTerm = 'exit 0' }: ServerOptions): Promise<void> {
  // A first process gets only the signals that it has asked for (pid_namespaces(7)).
  const script = `trap '${onTerm}' TERM\ntrap : HUP\n${listeners}\nwhile :; do wait; done`;
  const flags = labels.map((label) => `--label=${label}`);
  await host.docker('run', '-d', '--name', name, '--hostname', name, `--net=${network}`, ...flags, ...options, 'alpine', 'sh', '-c', script);
  await untilListening(host, name);
}

/** Waits until the container's servers take connections: `docker run` and `docker start` do not. */
export async function untilListening(host: Host, name: string): Promise<void> {
  const { exitCode, stderr } = await host.inside(
    name,
    `n=0; until nc -z 127.0.0.1 ${ports.name} && nc -z 127.0.0.1 ${ports.echo} && netstat -lun | grep -q ':${ports.udp} '; do
       n=$((n+1)); [ $n -lt 500 ] || exit 1; usleep 10000; done 2>/dev/null`,
  );
  if (exitCode !== 0) throw new Error(`the servers of ${name} do not listen: ${stderr}`);
}

/** A container that does nothing, for clients to run in. */
export async function runClient(host: Host, name: string, network: string, ...options: string[]): Promise<void> {
  await host.docker('run', '-d', '--name', name, `--net=${network}`, ...options, 'alpine', 'sh', '-c', "trap 'exit 0' TERM; sleep 100000 & wait");
}

/** The service flags for what servers listen on: service ports 8080 and 8081, UDP 53. */
export const servicePorts = ['--port', `8080:${ports.name}:tcp`, '--port', `8081:${ports.echo}:tcp`, '--port', `53:${ports.udp}:udp`] as const;
