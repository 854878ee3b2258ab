import { type IpAddress, Mac, type Prefix } from '../../src/model/address.js';
import { invalid } from '../../src/model/errors.js';
import type { AddressPort, EndpointPort, JoinAnswer, PublicationPort } from '../../plugin/ports.js';
import type { DockerHost } from './docker-lab.js';

/**
 * The smallest driver that Docker is content with: counts addresses up, and makes a veth pair
 * whose other end is nowhere. Writes down every call, with what it was about in short.
 */
export class SmallDriver implements AddressPort, EndpointPort, PublicationPort {
  readonly calls: string[] = [];
  /** Set: no port is published, for this reason. */
  refusal: Error | undefined;
  /** Networks that have a gateway, by name; for the others the answer is the network's own address. */
  readonly gateways = new Map<string, IpAddress>();
  private readonly pools = new Map<string, { network: string; prefix: Prefix; next: bigint }>();
  private readonly networks = new Map<string, string>();

  constructor(private readonly host: DockerHost) {}

  async requestPool({ tenant, network, subnet, family }: Parameters<AddressPort['requestPool']>[0]): ReturnType<AddressPort['requestPool']> {
    this.calls.push(`requestPool ${tenant} ${network} ${String(subnet)}`);
    if (!subnet) throw invalid('the subnet is missing');
    const poolId = `${tenant}:${network}:${family}`;
    this.pools.set(poolId, { network, prefix: subnet, next: 5n });
    return { poolId, prefix: subnet };
  }

  openPool(): ReturnType<AddressPort['openPool']> {
    return Promise.reject(invalid('here Docker makes no network by itself'));
  }

  async releasePool(poolId: string): Promise<void> {
    this.calls.push(`releasePool ${poolId}`);
  }

  async requestAddress({ poolId, address, purpose }: Parameters<AddressPort['requestAddress']>[0]): ReturnType<AddressPort['requestAddress']> {
    const pool = this.pools.get(poolId);
    if (!pool) throw invalid(`there is no pool ${poolId}`);
    this.calls.push(`requestAddress ${poolId} ${purpose}${address ? ` ${address.toString()}` : ''}`);
    const prefixLength = pool.prefix.length;
    if (address) return { address, prefixLength };
    if (purpose === 'gateway') return { address: this.gateways.get(pool.network) ?? pool.prefix.address, prefixLength };
    pool.next += 1n;
    return { address: pool.prefix.address.plus(pool.next), prefixLength };
  }

  async releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    this.calls.push(`releaseAddress ${poolId} ${address.toString()}`);
  }

  async createNetwork({ networkId, tenant, network }: Parameters<EndpointPort['createNetwork']>[0]): Promise<void> {
    this.calls.push(`createNetwork ${tenant} ${network}`);
    this.networks.set(networkId, network);
  }

  createUnnamedNetwork(): Promise<void> {
    return Promise.reject(invalid('here Docker makes no network by itself'));
  }

  async deleteNetwork(networkId: string): Promise<void> {
    this.calls.push(`deleteNetwork ${this.networks.get(networkId)}`);
  }

  async createEndpoint({ addresses, mac }: Parameters<EndpointPort['createEndpoint']>[0]): Promise<{ mac?: Mac }> {
    this.calls.push(`createEndpoint ${addresses.map(String).join(' ')}${mac ? ` ${mac.toString()}` : ''}`);
    const [first] = addresses;
    return mac || !first ? {} : { mac: Mac.fromIp(first) };
  }

  async deleteEndpoint(): Promise<void> {
    this.calls.push('deleteEndpoint');
  }

  async endpointInfo(): Promise<Record<string, string>> {
    return {};
  }

  async join({ networkId, endpointId }: Parameters<EndpointPort['join']>[0]): Promise<JoinAnswer> {
    this.calls.push('join');
    const linkName = `c${endpointId.slice(0, 10)}`;
    await this.host.run('ip', 'link', 'add', linkName, 'type', 'veth', 'peer', 'name', `h${endpointId.slice(0, 10)}`);
    const gateway = this.gateways.get(this.networks.get(networkId) ?? '');
    return { linkName, linkPrefix: 'eth', ...(gateway && { gateway }) };
  }

  async leave(_networkId: string, endpointId: string): Promise<void> {
    this.calls.push('leave');
    await this.host.run('ip', 'link', 'delete', `h${endpointId.slice(0, 10)}`);
  }

  async publish({ ports }: Parameters<PublicationPort['publish']>[0]): Promise<void> {
    if (ports.length === 0) return;
    this.calls.push(`publish ${ports.map(({ protocol, port, hostIp, hostPort, hostPortEnd }) => `${hostIp?.toString() ?? ''}:${hostPort}-${hostPortEnd}:${port}/${protocol}`).join(' ')}`);
    if (this.refusal) throw this.refusal;
  }

  async revoke(): Promise<void> {}

  /** What was called since the last time this was asked. */
  taken(): string[] {
    return this.calls.splice(0);
  }
}
