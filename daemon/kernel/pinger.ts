import { randomInt } from 'node:crypto';
import { messageOf, unavailable } from '../../src/model/errors.js';
import type { Family, IpAddress } from '../../src/model/address.js';
import { decodeAnswer, encodeEcho, type EchoRequest } from '../../src/probe/echo-message.js';
import { inNamespace, routerPath } from './netns.js';
import type { Echo, Pinger } from './port.js';
import { loadRawSockets, type RawSocket } from './raw-socket.js';

/** IPPROTO_ICMP and IPPROTO_ICMPV6, and how raw-socket numbers the address families. */
const protocols: Readonly<Record<Family, { readonly protocol: number; readonly addressFamily: number }>> = {
  4: { protocol: 1, addressFamily: 1 },
  6: { protocol: 58, addressFamily: 2 },
};

/**
 * IP_MTU_DISCOVER = IP_PMTUDISC_PROBE, IPV6_MTU_DISCOVER = IPV6_PMTUDISC_PROBE and IPV6_DONTFRAG (ip(7), ipv6(7), linux/in6.h):
 * nothing is cut into fragments, here or on the way, and what the kernel remembers of a path's MTU does not count.
 */
const wholePackets: Readonly<Record<Family, readonly (readonly [level: number, option: number, value: number])[]>> = {
  4: [[0, 10, 3]],
  6: [[41, 23, 3], [41, 62, 1]],
};

/** Text of EMSGSIZE in the C library, by which the link says that the packet is too long for it. */
const messageTooLong = 'Message too long';

/** Echo requests by raw sockets of ICMP: one socket for each request, because it must be born in its namespace. */
export class KernelPinger implements Pinger {
  #sequence = 0;

  async echo(router: string | undefined, target: IpAddress, { length, timeoutMs }: { length: number; timeoutMs: number }): Promise<Echo> {
    const { family } = target;
    const request = { identifier: randomInt(0x1_0000), sequence: this.#sequence++ & 0xffff };
    const message = Buffer.from(encodeEcho(family, request, length));
    const socket = openSocket(router, family, length);
    try {
      return await exchange(socket, target, request, message, timeoutMs);
    } finally {
      socket.close();
    }
  }
}

function openSocket(router: string | undefined, family: Family, length: number): RawSocket {
  const raw = loadRawSockets();
  // Room for the IP header with all its options.
  const bufferSize = length + 60;
  try {
    const socket = inNamespace(router === undefined ? undefined : routerPath(router), () => raw.createSocket({ ...protocols[family], bufferSize }));
    for (const option of wholePackets[family]) socket.setOption(...option);
    return socket;
  } catch (cause) {
    throw unavailable(`the way to other hosts cannot be measured: ${messageOf(cause)}`, cause);
  }
}

/** Sends the request and waits for what comes back for it, and for nothing else: the socket is given all ICMP of its namespace. */
function exchange(socket: RawSocket, target: IpAddress, request: EchoRequest, message: Buffer, timeoutMs: number): Promise<Echo> {
  return new Promise((resolve) => {
    let sent = performance.now();
    const end = (echo: Echo): void => {
      clearTimeout(timer);
      resolve(echo);
    };
    const timer = setTimeout(() => end({ outcome: 'lost' }), timeoutMs);
    socket.on('message', (packet) => {
      const answer = decodeAnswer(target.family, packet);
      if (answer?.identifier !== request.identifier || answer.sequence !== request.sequence) return;
      end(answer.kind === 'reply' ? { outcome: 'answered', milliseconds: performance.now() - sent } : { outcome: 'tooLong' });
    });
    socket.on('error', (error) => end({ outcome: 'unsent', reason: error.message }));
    const before = (): void => void (sent = performance.now());
    socket.send(message, 0, message.length, target.toString(), before, (error) => {
      if (error) end(error.message === messageTooLong ? { outcome: 'tooLong' } : { outcome: 'unsent', reason: error.message });
    });
  });
}
