/** What Docker last said of a container: observed. On several hosts each stores its own for the others, see {@link HostContainer}. */
export interface Container {
  /** Docker's container id, 64 hexadecimal digits. */
  readonly id: string;
  /** Without Docker's leading slash. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** `none`: the container has no health check. */
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  /** The stop signal was sent and the container still runs: it drains. */
  readonly stopping: boolean;
  /** Its attachments to networks, of any driver, by Docker's ids; the order is Docker's and means nothing. */
  readonly attachments: readonly Attachment[];
}

export interface Attachment {
  /** The network as the user named it: Docker's name for it, or an id. */
  readonly networkName: string;
  /** Empty until the container was started for the first time. */
  readonly networkId: string;
  /** Empty until Docker has attached it. */
  readonly endpointId: string;
}

/** A container with the host it is on, as that host tells the others. Only those that are attached to a network of netctl's. */
export interface HostContainer {
  readonly host: string;
  readonly container: Container;
}
