import type { Host } from './lab.js';

/**
 * Starts a TCP server in a running container. To each connection it says the container's name as given here, its own
 * port, and the client's address as it sees it. Returns when it listens.
 */
export async function listen(host: Host, container: string, port: number): Promise<void> {
  await host.docker('exec', '-d', container, 'socat', `TCP-LISTEN:${port},fork,reuseaddr,backlog=512`, `SYSTEM:echo ${container} ${port} $SOCAT_PEERADDR`);
  await untilListening(host, container, port);
}

/** Waits inside the container until somebody listens on the TCP port there. */
export async function untilListening(host: Host, container: string, port: number): Promise<void> {
  const listening = `netstat -lnt | grep -q ':${port} '`;
  const { exitCode } = await host.inside(container, `n=0; until ${listening}; do n=$((n+1)); [ $n -lt 1000 ] || exit 1; usleep 10000; done`);
  if (exitCode !== 0) throw new Error(`nobody listens on port ${port} in ${container}`);
}
