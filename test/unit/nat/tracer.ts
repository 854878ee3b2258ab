import type { IpAddress } from '../../../src/model/address.js';
import { subnetOf } from '../../../src/model/network.js';
import type { Subnet } from '../../../src/model/network.js';
import type { Protocol } from '../../../src/model/service.js';
import type { NatInput, NatNetwork } from '../../../src/nat/input.js';
import { chainName, hairpinKey, portKey } from '../../../src/nat/keys.js';
import type { NatState } from '../../../src/nat/state.js';

/** The first packet of a connection. */
export interface Packet {
  readonly protocol: Protocol;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly port: number;
}

export type Fate = { readonly end: 'delivered'; readonly packet: Packet } | { readonly end: 'refused' | 'silence' };

interface Segment {
  readonly bridge: string;
  readonly subnet: Subnet;
}

/**
 * Follows packets through the planned elements as the constant rules take them, chain by chain, and
 * counts turns as the kernel does. It knows the networks as the router's routes do.
 */
export class Tracer {
  readonly #turns = new Map<string, number>();

  constructor(
    private readonly state: NatState,
    private readonly networks: NatInput['networks'],
  ) {}

  trace(packet: Packet): Fate {
    const translated = this.#translate(packet);
    if (this.#isRefused(translated ?? packet)) return { end: 'refused' };
    return this.#route(packet, translated);
  }

  /** Chain `translate` and the balancing chains. */
  #translate(packet: Packet): Packet | undefined {
    const entry = this.#family(packet).ports.get(portKey(packet.destination, packet.protocol, packet.port));
    if (!entry) return undefined;
    // The kernel's counters start so that the first packet finds slot 0, and wrap at the number in the rule.
    const counter = `${packet.destination.family} ${chainName(entry.chain)}`;
    const slot = this.#turns.get(counter) ?? 0;
    this.#turns.set(counter, (slot + 1) % entry.chain.slots);
    const target = entry.slots[slot];
    return target && { ...packet, destination: target.address, port: target.port };
  }

  /** Chain `refuse`. */
  #isRefused(packet: Packet): boolean {
    return this.#family(packet).serviceIps.has(packet.destination.toString());
  }

  #route(original: Packet, translated: Packet | undefined): Fate {
    const packet = translated ?? original;
    const [from, to] = [this.#segmentOf(packet.source), this.#segmentOf(packet.destination)];
    // Addresses of the router itself: nothing listens.
    if (this.networks.some((network) => gatewayIs(network, packet.destination))) return { end: 'refused' };
    if (!from || !to || !this.#isForwarded(from, to, translated !== undefined)) return { end: 'silence' };
    const source = this.#hairpin(packet);
    const answerable = to.subnet.gateway !== undefined || to.subnet.prefix.contains(source);
    return answerable ? { end: 'delivered', packet: { ...packet, source } } : { end: 'silence' };
  }

  /** Chain `forward`, for the first packet of a connection. */
  #isForwarded(from: Segment, to: Segment, isTranslated: boolean): boolean {
    const { bridges } = from.subnet.prefix.family === 4 ? this.state.ip : this.state.ip6;
    return isTranslated || (from.bridge === to.bridge && bridges.has(from.bridge));
  }

  /** Chain `hairpin`. */
  #hairpin(packet: Packet): IpAddress {
    return this.#family(packet).hairpins.get(hairpinKey(packet.source, packet.destination))?.source ?? packet.source;
  }

  #segmentOf(address: IpAddress): Segment | undefined {
    return this.networks
      .flatMap((network): Segment[] => {
        const subnet = subnetOf(network, address.family);
        return subnet ? [{ bridge: network.bridge, subnet }] : [];
      })
      .find(({ subnet }) => subnet.prefix.contains(address));
  }

  #family({ destination }: Packet): NatState['ip'] {
    return destination.family === 4 ? this.state.ip : this.state.ip6;
  }
}

function gatewayIs(network: NatNetwork, address: IpAddress): boolean {
  return subnetOf(network, address.family)?.gateway?.equals(address) === true;
}
