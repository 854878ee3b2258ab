import type { Host } from './lab.js';

export type Protocol = 'tcp' | 'udp';

/**
 * Starts a server in a running container. To each connection, or each datagram, it says the container's name as
 * given here, its own port, and the client's address as it sees it. Returns when it listens.
 */
export async function listen(host: Host, container: string, protocol: Protocol, port: number): Promise<void> {
  const socket = protocol === 'tcp' ? `TCP-LISTEN:${port},fork,reuseaddr,backlog=512` : `UDP-RECVFROM:${port},fork,reuseaddr`;
  // Whoever leaves a datagram unread makes socat fail before it has passed the answer on.
  const read = protocol === 'udp' ? 'read -r _; ' : '';
  await host.docker('exec', '-d', container, 'socat', socket, `SYSTEM:${read}echo ${container} ${port} $SOCAT_PEERADDR`);
  await untilListening(host, container, protocol, port);
}

/** Waits inside the container until somebody listens on the port there. */
export async function untilListening(host: Host, container: string, protocol: Protocol, port: number): Promise<void> {
  const listening = `netstat -ln${protocol[0]} | grep -q ':${port} '`;
  const { exitCode } = await host.inside(container, `n=0; until ${listening}; do n=$((n+1)); [ $n -lt 1000 ] || exit 1; usleep 10000; done`);
  if (exitCode !== 0) throw new Error(`nobody listens on ${protocol} port ${port} in ${container}`);
}
