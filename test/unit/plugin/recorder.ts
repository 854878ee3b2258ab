import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';
import type { AddressPort, EndpointPort, JoinAnswer, PublicationPort } from '../../../plugin/ports.js';

/** All ports, in memory: writes down each call, and answers with what a test put in, or with an error. */
export class Recorder implements AddressPort, EndpointPort, PublicationPort {
  readonly calls: [string, unknown][] = [];
  /** What every call does before it answers: a test lets it throw or wait. */
  before: (call: string) => Promise<void> = () => Promise.resolve();
  mac: Mac | undefined = Mac.parse('02:02:0a:01:01:05');
  joinAnswer: JoinAnswer = { linkName: 'nc1234', linkPrefix: 'eth', gateway: IpAddress.parse('10.1.1.254') };

  async requestPool(request: Parameters<AddressPort['requestPool']>[0]): ReturnType<AddressPort['requestPool']> {
    await this.record('requestPool', request);
    return { poolId: 'pool-1', prefix: request.subnet ?? Prefix.parse('10.1.1.0/24') };
  }

  async openPool(request: Parameters<AddressPort['openPool']>[0]): ReturnType<AddressPort['openPool']> {
    await this.record('openPool', request);
    return { poolId: 'pool-2', prefix: request.subnet ?? Prefix.parse('10.64.0.0/24') };
  }

  releasePool(poolId: string): Promise<void> {
    return this.record('releasePool', poolId);
  }

  async requestAddress(request: Parameters<AddressPort['requestAddress']>[0]): ReturnType<AddressPort['requestAddress']> {
    await this.record('requestAddress', request);
    return { address: request.address ?? IpAddress.parse('10.1.1.5'), prefixLength: 24 };
  }

  releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    return this.record('releaseAddress', { poolId, address });
  }

  createNetwork(request: Parameters<EndpointPort['createNetwork']>[0]): Promise<void> {
    return this.record('createNetwork', request);
  }

  createUnnamedNetwork(request: Parameters<EndpointPort['createUnnamedNetwork']>[0]): Promise<void> {
    return this.record('createUnnamedNetwork', request);
  }

  deleteNetwork(networkId: string): Promise<void> {
    return this.record('deleteNetwork', networkId);
  }

  async createEndpoint(request: Parameters<EndpointPort['createEndpoint']>[0]): Promise<{ mac?: Mac }> {
    await this.record('createEndpoint', request);
    return this.mac ? { mac: this.mac } : {};
  }

  deleteEndpoint(networkId: string, endpointId: string): Promise<void> {
    return this.record('deleteEndpoint', { networkId, endpointId });
  }

  async endpointInfo(networkId: string, endpointId: string): Promise<Record<string, string>> {
    await this.record('endpointInfo', { networkId, endpointId });
    return { tenant: 'default' };
  }

  async join(request: Parameters<EndpointPort['join']>[0]): Promise<JoinAnswer> {
    await this.record('join', request);
    return this.joinAnswer;
  }

  leave(networkId: string, endpointId: string): Promise<void> {
    return this.record('leave', { networkId, endpointId });
  }

  publish(request: Parameters<PublicationPort['publish']>[0]): Promise<void> {
    return this.record('publish', request);
  }

  revoke(endpointId: string): Promise<void> {
    return this.record('revoke', { endpointId });
  }

  /** Calls as plain JSON: addresses as text. */
  get plain(): unknown {
    return JSON.parse(JSON.stringify(this.calls)) as unknown;
  }

  private async record(call: string, request: unknown): Promise<void> {
    this.calls.push([call, request]);
    await this.before(call);
  }
}
