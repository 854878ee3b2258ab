import { IpAddress, Prefix, bitsOf } from '../../src/model/address.js';
import type { TunnelPeer } from '../../src/encryption/state.js';

// What Debian's `wg` (wireguard-tools) takes and prints.

/** What a device says of itself. */
export interface DumpedDevice {
  /** Empty: it has no key. */
  readonly publicKey: string;
  readonly port: number;
  readonly peers: readonly TunnelPeer[];
}

/**
 * Reads `wg show DEVICE dump`: a line for the device (private key, public key, port, mark), and one for each peer (public key, shared key, endpoint,
 * allowed addresses, second of the last handshake, octets received and sent, keepalive), all separated by tabs. The first
 * word of all is the private key: it is not looked at, and never to be part of a message.
 */
export function parseDump(text: string): DumpedDevice {
  const [device = '', ...peers] = text.split('\n').filter((line) => line !== '');
  const [, publicKey = '', port = ''] = device.split('\t');
  return { publicKey: publicKey === '(none)' ? '' : publicKey, port: Number(port), peers: peers.map(parsePeer) };
}

function parsePeer(line: string): TunnelPeer {
  const [publicKey = '', , endpoint = '', allowed = '', handshake = ''] = line.split('\t');
  const [at, prefix] = [parseEndpoint(endpoint), /^[^,]+$/.test(allowed) && allowed !== '(none)' ? Prefix.parse(allowed) : undefined];
  return {
    publicKey,
    ...(at ? { endpoint: at } : {}),
    ...(prefix && prefix.length === bitsOf(prefix.family) ? { address: prefix.address } : {}),
    ...(Number(handshake) > 0 ? { handshake: Number(handshake) * 1000 } : {}),
  };
}

/** `192.0.2.1:51820`, or `[2001:db8::1]:51820`. One with a scope, as of a link-local address, is none of ours. */
function parseEndpoint(text: string): TunnelPeer['endpoint'] {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const address = IpAddress.tryParse(match?.[1] ?? match?.[2] ?? '');
  return address ? { address, port: Number(match?.[3]) } : undefined;
}

/** How often something is sent to a peer that nothing is sent to, in seconds: so that firewalls on the way keep the way open, and both sides know of each other. */
const keepaliveSeconds = 25;

/** The words after `wg set DEVICE`. */
export function wordsForPeers(peers: readonly TunnelPeer[]): string[] {
  return peers.flatMap(({ publicKey, endpoint, address }) => [
    ...['peer', publicKey],
    ...(endpoint ? ['endpoint', `${endpoint.address.family === 6 ? `[${endpoint.address.toString()}]` : endpoint.address.toString()}:${endpoint.port}`] : []),
    ...['persistent-keepalive', String(keepaliveSeconds)],
    ...['allowed-ips', address ? `${address.toString()}/${bitsOf(address.family)}` : ''],
  ]);
}

export function wordsForRemoval(publicKeys: readonly string[]): string[] {
  return publicKeys.flatMap((key) => ['peer', key, 'remove']);
}
