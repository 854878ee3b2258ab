import type { Mac } from '../../src/model/address.js';
import { unavailable } from '../../src/model/errors.js';
import type { Sandboxes, SandboxEnd, SandboxLink } from './port.js';

/** Sandboxes without a kernel. What nobody has lost is there. */
export class FakeSandboxes implements Sandboxes {
  /** Sandboxes that are gone, by key. */
  readonly gone = new Set<string>();
  /** What is not there, by MAC address. */
  readonly lost = new Set<string>();
  /** What was given back: sandbox key -> the link. */
  readonly given = new Map<string, SandboxLink>();
  /** What Docker made of a link that was not given back. */
  end: SandboxEnd = { name: 'eth0', gateways: [], mtu: 1500 };
  /** MTUs that were set, by MAC address. */
  readonly mtus = new Map<string, number>();

  // eslint-disable-next-line @typescript-eslint/require-await -- a missing sandbox must reject, not throw
  async find(sandboxKey: string, mac: Mac): Promise<SandboxEnd | undefined> {
    this.require(sandboxKey);
    return this.lost.has(mac.toString()) ? undefined : { ...this.end, mtu: this.mtus.get(mac.toString()) ?? this.end.mtu };
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see find
  async give(sandboxKey: string, _peer: string, link: SandboxLink): Promise<SandboxEnd> {
    this.require(sandboxKey);
    this.given.set(sandboxKey, link);
    this.lost.delete(link.mac.toString());
    return { name: link.name ?? 'eth0', gateways: link.gateways, mtu: this.end.mtu };
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see find
  async setMtu(sandboxKey: string, mac: Mac, mtu: number): Promise<void> {
    this.require(sandboxKey);
    this.mtus.set(mac.toString(), mtu);
  }

  private require(sandboxKey: string): void {
    if (this.gone.has(sandboxKey)) throw unavailable(`the container's network namespace ${sandboxKey} is gone`);
  }
}
