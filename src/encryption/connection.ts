import type { TunnelDevice, TunnelPeer, TunnelState } from './state.js';

/**
 * For how long the two ends of a session use its key, in milliseconds (REJECT_AFTER_TIME in section 6.1 of the paper on WireGuard). They agree on a new one
 * after two minutes as long as anything is sent, as keepalives are: a peer that was not heard for longer is not there.
 */
const sessionMs = 180_000;

/** Whether the peer answers. @param now milliseconds since the epoch. */
export function isConnected({ handshake }: TunnelPeer, now: number): boolean {
  return handshake !== undefined && now - handshake < sessionMs;
}

/** Whether the device has a session with all of these keys. */
export function isConnectedToAll(observed: TunnelState, device: string, publicKeys: readonly string[], now: number): boolean {
  const held: TunnelDevice | undefined = observed.devices.get(device);
  return publicKeys.every((key) => {
    const peer = held?.peers.get(key);
    return peer !== undefined && isConnected(peer, now);
  });
}
