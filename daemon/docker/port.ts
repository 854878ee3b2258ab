import type { Container } from '../../src/model/container.js';

/** A network as the Docker engine knows it. */
export interface DockerNetwork {
  readonly id: string;
  readonly name: string;
  /** The driver's name, `netctl` for ours. */
  readonly driver: string;
  /** The `-o` options it was made with. */
  readonly options: Readonly<Record<string, string>>;
}

export interface DockerNetworkRequest {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly ipamOptions: Readonly<Record<string, string>>;
  /** One or two: IPv4, IPv6. */
  readonly subnets: readonly { readonly subnet: string; readonly gateway?: string }[];
  readonly ipv6: boolean;
  /** Docker's `--internal`. */
  readonly internal: boolean;
  /** Whose IPAM driver gives the addresses. */
  readonly addressesBy: 'netctl' | 'docker';
}

/** The Docker engine, as far as netctl needs it. Failures are NetctlErrors: `unavailable` if Docker does not answer. */
export interface DockerEngine {
  /** Makes a network of driver `netctl`; returns its id. */
  createNetwork(request: DockerNetworkRequest): Promise<string>;
  /** Succeeds if there is no such network. */
  removeNetwork(id: string): Promise<void>;
  /** Networks of driver `netctl` only. */
  listNetworks(): Promise<DockerNetwork[]>;
  /** The ids of the endpoints that a network has; none if there is no such network. */
  listEndpoints(networkId: string): Promise<string[]>;
}

/**
 * Who hears of containers. Order of calls: `connected` with all containers, then `changed` and
 * `removed` one by one, until `disconnected`; then again from `connected`. What is true of a
 * container is always told whole.
 */
export interface ContainerListener {
  connected(containers: readonly Container[]): void;
  changed(container: Container): void;
  removed(containerId: string): void;
  /** Docker made a network of driver `netctl`. */
  networkMade(): void;
  /** Docker went away; what was known stays the best knowledge. */
  disconnected(reason: string): void;
}

export interface ContainerWatch {
  close(): Promise<void>;
}
