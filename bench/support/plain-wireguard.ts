import { execa } from 'execa';
import type { PlainHost } from './plain-vxlan.js';

interface Keys {
  readonly secret: string;
  readonly shown: string;
}

/** Within the tunnel. */
const inside = (side: 1 | 2): string => `10.78.0.${side}`;
const usualPort = 51820;

/**
 * A tunnel between the two hosts, by wireguard-go, as one makes it by hand. The MTU is what is left of 1500.
 * @param port another one where netctld has the usual one
 * @returns the hosts with their addresses in it.
 */
export async function tunnelled([one, two]: readonly [PlainHost, PlainHost], teardown: (work: () => Promise<unknown>) => void, port = usualPort): Promise<[PlainHost, PlainHost]> {
  const [first, second] = [await makeKeys(), await makeKeys()];
  teardown(await startTunnel(1, one, first, { host: two, keys: second }, port));
  teardown(await startTunnel(2, two, second, { host: one, keys: first }, port));
  return [{ ...one, address: inside(1) }, { ...two, address: inside(2) }];
}

async function makeKeys(): Promise<Keys> {
  const { stdout: secret } = await execa('wg', ['genkey']);
  const { stdout: shown } = await execa('wg', ['pubkey'], { input: secret });
  return { secret, shown };
}

/**
 * `wg` speaks with wireguard-go by a socket below /run, which is one of their own here: the machine may have tunnels, too. As on a host, wireguard-go
 * has a session of its own: where the kernel shares out processor time by sessions (`sched_autogroup_enabled`), one in that of the benchmark would
 * be served together with the streams that it carries, and takes a fifth less time for each octet of them.
 */
function startTunnel(side: 1 | 2, { space }: PlainHost, own: Keys, other: { readonly host: PlainHost; readonly keys: Keys }, port: number): Promise<() => Promise<void>> {
  const peer = `peer ${other.keys.shown} endpoint ${other.host.address}:${port} allowed-ips ${inside(side === 1 ? 2 : 1)}/32 persistent-keepalive 25`;
  const script = `
    mount -t tmpfs tmpfs /run
    setsid wireguard-go --foreground wg0 &
    trap "kill $!; wait; exit" TERM
    until wg show wg0 >/dev/null 2>&1; do sleep 0.05; done
    echo ${own.secret} | wg set wg0 listen-port ${port} private-key /dev/stdin ${peer}
    ip address add ${inside(side)}/24 dev wg0
    ip link set wg0 mtu 1440 up
    echo prepared
    wait`;
  return space.start(['unshare', '--mount', 'sh', '-ec', script], /^prepared$/m);
}
