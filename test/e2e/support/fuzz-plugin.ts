import type { Random } from '../../support/random.js';

/** One call of Docker's, right or wrong. */
export interface PluginCall {
  readonly method: string;
  readonly body: string;
  /** The length that is declared, if it is not that of the body. */
  readonly length?: number;
}

/** What exists, and what calls may name. */
export interface PluginWorld {
  /** Ids of Docker networks that stand for networks of netctl, with their address pools. */
  readonly networks: readonly { readonly id: string; readonly pool: string; readonly prefix: string }[];
  readonly endpoints: readonly string[];
}

const portmap = 'com.docker.network.portmap';

/** Makes calls: mostly such as Docker would send, in no order, and some that nobody would. */
export class PluginFuzz {
  constructor(
    private readonly random: Random,
    private readonly world: PluginWorld,
  ) {}

  call(): PluginCall {
    const [method, body] = this.sensible();
    const text = JSON.stringify(body);
    const fate = this.random.next();
    if (fate < 0.75) return { method, body: text };
    if (fate < 0.8) return { method, body: '' };
    if (fate < 0.85) return { method, body: text.slice(0, Math.floor(this.random.next() * text.length)) };
    if (fate < 0.9) return { method, body: JSON.stringify(this.spoilt(body)) };
    if (fate < 0.93) return { method, body: this.pick(['null', '[]', '"text"', '7', '{}', '{"NetworkID":{}}', '[[[[[[]]]]]]', '\u0000', '{"__proto__":{"a":1}}']) };
    if (fate < 0.96) return { method: this.pick(['NetworkDriver.Nothing', 'IpamDriver', 'constructor', '../Plugin.Activate', 'Plugin.Activate/x', '%2e%2e', 'NetworkDriver.CreateEndpoint?x=1']), body: text };
    if (fate < 0.98) return { method, body: text, length: Buffer.byteLength(text) + 10 };
    return { method, body: JSON.stringify({ ...body, Huge: 'x'.repeat(200_000 + Math.floor(this.random.next() * 1_500_000)) }) };
  }

  private sensible(): [method: string, body: Record<string, unknown>] {
    const network = this.pick(this.world.networks);
    const endpoint = this.random.next() < 0.9 ? this.pick(this.world.endpoints) : this.pick(['', 'x', '../../etc', 'f'.repeat(64), 'g'.repeat(500)]);
    const ids = { NetworkID: this.random.next() < 0.9 ? network.id : this.pick(['', 'unknown', 'a'.repeat(64), '/']), EndpointID: endpoint };
    const pool = this.random.next() < 0.9 ? network.pool : this.pick(['', 'nothing', 'default/none/v4', 'a/b/c/d', 'docker/99']);
    const address = `${network.prefix}.${Math.floor(this.random.next() * 256)}`;
    return this.pick<[string, Record<string, unknown>]>([
      ['IpamDriver.RequestAddress', { PoolID: pool, Address: this.random.next() < 0.5 ? '' : address, Options: {} }],
      ['IpamDriver.RequestAddress', { PoolID: pool, Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } }],
      ['IpamDriver.ReleaseAddress', { PoolID: pool, Address: address }],
      ['NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address: `${address}/24`, AddressIPv6: '', MacAddress: '' }, Options: {} }],
      ['NetworkDriver.CreateEndpoint', { ...ids, Interface: { Address: `${address}/24`, AddressIPv6: '', MacAddress: this.pick(['02:42:ac:11:00:02', '00', 'zz:zz']) }, Options: null }],
      ['NetworkDriver.EndpointOperInfo', ids],
      ['NetworkDriver.Join', { ...ids, SandboxKey: '/var/run/docker/netns/fuzz', Options: {} }],
      ['NetworkDriver.Leave', ids],
      ['NetworkDriver.DeleteEndpoint', ids],
      ['NetworkDriver.ProgramExternalConnectivity', { ...ids, Options: { [portmap]: [{ Proto: this.pick([6, 17, 132, 99]), IP: '', Port: 80, HostIP: this.pick(['', '127.0.0.1', '9.9.9.9']), HostPort: this.pick([0, 20_000, 65_536, -1]), HostPortEnd: 20_010 }] } }],
      ['NetworkDriver.RevokeExternalConnectivity', ids],
      ['NetworkDriver.DiscoverNew', { DiscoveryType: 1, DiscoveryData: { Address: '1.2.3.4', self: false } }],
      ['NetworkDriver.GetCapabilities', {}],
      ['IpamDriver.GetDefaultAddressSpaces', {}],
      ['IpamDriver.RequestPool', { AddressSpace: '', Pool: this.pick(['', '10.1.1.0/24', '300.1.1.0/24', '0.0.0.0/0']), SubPool: this.pick(['', '10.1.1.0/25']), Options: this.pick<unknown>([{}, null, { tenant: 'default', network: 'fuzz1' }, { tenant: 'none' }]), V6: this.random.next() < 0.2 }],
      ['IpamDriver.ReleasePool', { PoolID: pool }],
    ]);
  }

  /** One field has another type. */
  private spoilt(body: Record<string, unknown>): Record<string, unknown> {
    const key = this.pick(Object.keys(body).concat('Extra'));
    return { ...body, [key]: this.pick<unknown>([null, 7, -1, true, [], {}, 'text', '\ud800', { a: { b: { c: [] } } }, 1e308]) };
  }

  private pick<T>(items: readonly T[]): T {
    const item = this.random.pick(items);
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }
}
