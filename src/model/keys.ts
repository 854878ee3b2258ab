import type { IpAddress } from './address.js';

/**
 * The keys of the store, built here and nowhere else. No part of a key can hold a slash: names and
 * ids have none, see names.ts. What a key says is also in the value, so that no key is ever taken apart.
 */
export const keys = {
  tenants: 'tenants/',
  networks: 'networks/',
  services: 'services/',
  endpoints: 'endpoints/',
  allocations: 'allocations/',
  vnis: 'vnis/',
  bindings: 'bindings/',
  uplinks: 'uplinks/',
  pools: 'pools/',
  unnamed: 'unnamed/',
  leftovers: 'leftovers/',
  hosts: 'hosts/',
  presences: 'presences/',
  containers: 'containers/',
  tenant: (name: string): string => `tenants/${name}`,
  network: (tenant: string, name: string): string => `networks/${tenant}/${name}`,
  service: (tenant: string, name: string): string => `services/${tenant}/${name}`,
  endpoint: (id: string): string => `endpoints/${id}`,
  allocation: (tenant: string, network: string, address: IpAddress): string => `allocations/${tenant}/${network}/${address.toString()}`,
  allocationsOf: (tenant: string, network: string): string => `allocations/${tenant}/${network}/`,
  /** Held by the one network that has this VNI. */
  vni: (vni: number): string => `vnis/${vni}`,
  uplink: (host: string, tenant: string): string => `uplinks/${host}/${tenant}`,
  pool: (host: string, id: number): string => `pools/${host}/${id}`,
  unnamedNetwork: (host: string, dockerNetworkId: string): string => `unnamed/${host}/${dockerNetworkId}`,
  leftover: (host: string, dockerNetworkId: string): string => `leftovers/${host}/${dockerNetworkId}`,
  host: (name: string): string => `hosts/${name}`,
  /** There as long as the host is. */
  presence: (host: string): string => `presences/${host}`,
  container: (host: string, id: string): string => `containers/${host}/${id}`,
  containersOf: (host: string): string => `containers/${host}/`,
  binding: (host: string, dockerNetworkId: string): string => `bindings/${host}/${dockerNetworkId}`,
} as const;
