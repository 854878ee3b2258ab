import { hostAddresses, isUnspecified, type WantedPort } from '../../src/host/publish.js';
import type { IpAddress } from '../../src/model/address.js';
import { conflict, NetctlError } from '../../src/model/errors.js';
import type { HeldPort, HostPorts } from '../kernel/port.js';

/**
 * Ports that nobody chose come from those that are meant for it (RFC 6335, section 6); the kernel gives few of them to
 * outgoing connections, and Docker's own begin there, too.
 */
const dynamicPorts = { first: 49_153, last: 65_535 };

/** The ports of the host that endpoints hold, each with a socket of this process. */
export class HeldPorts {
  private readonly held = new Map<string, HeldPort & { readonly endpointId: string }>();
  private nextDynamic = dynamicPorts.first;

  /** @param nameOf how a user knows the endpoint */
  constructor(
    private readonly hostPorts: HostPorts,
    private readonly nameOf: (endpointId: string) => string,
  ) {}

  /**
   * Holds a port of the host for each port that is wanted, in their order.
   * @returns the ports.
   * @throws NetctlError `conflict` if one is taken. What is held by then is held until {@link retain}.
   */
  claim(endpointId: string, wanted: readonly WantedPort[]): number[] {
    const mine: HeldPort[] = [];
    return wanted.map((one) => this.claimOne(endpointId, one, mine));
  }

  /** Holds just this port. @throws NetctlError `conflict` if it is taken. */
  hold(endpointId: string, port: HeldPort): void {
    const other = this.otherHolder(endpointId, port);
    if (other !== undefined) throw conflict(`${portName(port)} is published by ${this.nameOf(other)} already: choose another one`);
    this.hostPorts.hold(port);
    this.held.set(keyOf(port), { ...port, endpointId });
  }

  /** Gives back all those of which it is not said that they stay. */
  retain(stays: (endpointId: string, port: HeldPort) => boolean): void {
    this.release([...this.held.values()].filter(({ endpointId, ...port }) => !stays(endpointId, port)));
  }

  releaseAll(): void {
    this.release([...this.held.values()]);
  }

  private release(ports: readonly HeldPort[]): void {
    for (const { protocol, address, port } of ports) {
      this.hostPorts.release({ protocol, address, port });
      this.held.delete(keyOf({ protocol, address, port }));
    }
  }

  /** @param mine what this claim holds by now, to which it adds */
  private claimOne(endpointId: string, wanted: WantedPort, mine: HeldPort[]): number {
    const addresses = hostAddresses(wanted.hostIp, wanted.families);
    const range = wanted.range ?? dynamicPorts;
    const [first, count] = wanted.range ? [range.first, range.last - range.first + 1] : [this.nextDynamic, range.last - range.first + 1];
    let refusal: unknown;
    for (let offset = 0; offset < count; offset++) {
      const port = range.first + ((first - range.first + offset) % count);
      try {
        this.holdAll(endpointId, addresses.map((address) => ({ protocol: wanted.protocol, address, port })), mine);
      } catch (error) {
        if (!(error instanceof NetctlError && error.code === 'conflict')) throw error;
        refusal = error;
        continue;
      }
      if (!wanted.range) this.nextDynamic = port === range.last ? range.first : port + 1;
      return port;
    }
    if (count === 1) throw refusal;
    const what = wanted.range ? `ports ${range.first}-${range.last}/${wanted.protocol}` : `dynamic ports of ${wanted.protocol}`;
    throw conflict(`none of the ${what} of the host is free for port ${wanted.port} of the container: choose others`);
  }

  /** One port, at several addresses: all of them or none. */
  private holdAll(endpointId: string, ports: readonly HeldPort[], mine: HeldPort[]): void {
    const twice = ports.find((port) => mine.some((own) => isSamePort(own, port)));
    if (twice) throw conflict(`${portName(twice)} is asked for twice: choose another one`);
    const before = new Set(this.held.keys());
    const done: HeldPort[] = [];
    try {
      for (const port of ports) {
        this.hold(endpointId, port);
        done.push(port);
      }
    } catch (error) {
      this.release(done.filter((port) => !before.has(keyOf(port))));
      throw error;
    }
    mine.push(...ports);
  }

  /** Which other endpoint has the port, or one beside which it cannot be held. */
  private otherHolder(endpointId: string, port: HeldPort): string | undefined {
    return [...this.held.values()].find((held) => held.endpointId !== endpointId && isSamePort(held, port))?.endpointId;
  }
}

/** Whether not both can be held: an unspecified address is all of its family. */
function isSamePort(a: HeldPort, b: HeldPort): boolean {
  return a.protocol === b.protocol && a.port === b.port && a.address.family === b.address.family && (isUnspecified(a.address) || isUnspecified(b.address) || a.address.equals(b.address));
}

function keyOf({ protocol, address, port }: HeldPort): string {
  return `${protocol} ${address.toString()} ${port}`;
}

/** `port 8080/tcp of the host`, or `port 8080/tcp of 192.168.50.1`. */
function portName({ protocol, address, port }: { protocol: string; address: IpAddress; port: number }): string {
  return `port ${port}/${protocol} of ${isUnspecified(address) ? 'the host' : address.toString()}`;
}
