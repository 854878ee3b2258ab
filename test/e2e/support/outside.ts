import { Host } from './lab.js';

/** The addresses of the lab's host h1, and of the machine beside it. */
export const hostAddress = '192.168.50.1';
export const outsideAddress = '192.168.50.200';
export const hostAddress6 = '2001:db8:50::1';
export const outsideAddress6 = '2001:db8:50::200';

/** A machine that is no Docker host, beside h1 on its link: the wire of the lab, which gets an address for that. */
export async function outsideOf(host: Host): Promise<Host> {
  const outside = new Host(host.labName, 'wire');
  await outside.ok('ip', 'address', 'add', `${outsideAddress}/24`, 'dev', 'br0');
  await outside.ok('ip', 'address', 'add', `${outsideAddress6}/64`, 'dev', 'br0', 'nodad');
  await host.ok('ip', 'address', 'add', `${hostAddress6}/64`, 'dev', 'eth0', 'nodad');
  return outside;
}

/** What the other side says to a TCP connection before it closes, or that there was none. */
export async function greeting(from: Host, address: string, port: number, container?: string): Promise<string> {
  const name = address.includes(':') ? `[${address}]` : address;
  const words = ['socat', '-T', '2', '-', `TCP:${name}:${port},connect-timeout=1`];
  const { stdout, stderr, exitCode } = await from.run('sh', '-c', `${container === undefined ? '' : `docker exec ${container} `}${words.join(' ')} </dev/null`);
  return exitCode === 0 && stdout !== '' ? stdout : `none (${/(refused|timed out|unreachable|no route)/i.exec(stderr)?.[1]?.toLowerCase() ?? (stderr || 'closed')})`;
}
