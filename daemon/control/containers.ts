import type { Container } from '../../src/model/container.js';
import type { ContainerListener } from '../docker/port.js';
import type { Logger } from './logger.js';
import { waitAtMost } from './patience.js';

/** Told what was true before and what is true now; absent: there is no such container. */
export type ContainersListener = (before: Container | undefined, after: Container | undefined) => void;

/**
 * What Docker last said of all containers. While Docker is away this stays the best knowledge:
 * containers may well run on, and their connections with them.
 */
export class Containers implements ContainerListener {
  private byId = new Map<string, Container>();
  private byEndpoint = new Map<string, string>();
  private readonly listeners = new Set<ContainersListener>();
  private readonly connectedListeners = new Set<() => void>();
  private readonly networkListeners = new Set<() => void>();
  private readonly disconnectedListeners = new Set<(reason: string) => void>();
  private known = false;
  private isConnected = false;
  private hear: (() => void) | undefined;
  private readonly firstWord = new Promise<void>((resolve) => (this.hear = resolve));

  constructor(private readonly log: Logger) {}

  /** Whether Docker has told of all containers at least once. Before that nobody may conclude that one is gone. */
  get areKnown(): boolean {
    return this.known;
  }

  get areCurrent(): boolean {
    return this.isConnected;
  }

  /** Resolves when Docker has told of all containers for the first time, or was found not to answer; or after so many milliseconds, but nobody is kept waiting twice. */
  async heard(ms: number): Promise<void> {
    await waitAtMost(ms, this.firstWord);
    this.hear?.();
  }

  onChange(listener: ContainersListener): void {
    this.listeners.add(listener);
  }

  /** Called each time Docker has told of all containers. */
  onConnected(listener: () => void): void {
    this.connectedListeners.add(listener);
  }

  /** Called each time Docker no longer answers. */
  onDisconnected(listener: (reason: string) => void): void {
    this.disconnectedListeners.add(listener);
  }

  /** Called when Docker may have networks that nobody here knows: each time it made one, and when it has told of all containers. */
  onNetworks(listener: () => void): void {
    this.networkListeners.add(listener);
    this.onConnected(listener);
  }

  networkMade(): void {
    for (const listener of this.networkListeners) listener();
  }

  values(): Container[] {
    return [...this.byId.values()];
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  /** The container that an endpoint belongs to, as far as Docker has said so. */
  ofEndpoint(endpointId: string): Container | undefined {
    const id = this.byEndpoint.get(endpointId);
    return id === undefined ? undefined : this.byId.get(id);
  }

  connected(containers: readonly Container[]): void {
    const before = this.byId;
    this.byId = new Map(containers.map((container) => [container.id, container]));
    this.byEndpoint = new Map(containers.flatMap(endpointsOf));
    this.known = true;
    this.isConnected = true;
    this.log.info({ event: 'docker-connected', containers: containers.length }, 'Docker answers; its containers are known');
    for (const id of new Set([...before.keys(), ...this.byId.keys()])) this.notify(before.get(id), this.byId.get(id));
    for (const listener of this.connectedListeners) listener();
    this.hear?.();
  }

  changed(container: Container): void {
    const before = this.byId.get(container.id);
    this.unlink(before);
    this.byId.set(container.id, container);
    for (const [endpoint, id] of endpointsOf(container)) this.byEndpoint.set(endpoint, id);
    this.notify(before, container);
  }

  removed(containerId: string): void {
    const before = this.byId.get(containerId);
    this.unlink(before);
    this.byId.delete(containerId);
    this.notify(before, undefined);
  }

  disconnected(reason: string): void {
    this.isConnected = false;
    this.log.warn({ event: 'docker-disconnected', reason }, 'Docker does not answer; what is known of its containers stays in force');
    for (const listener of this.disconnectedListeners) listener(reason);
    this.hear?.();
  }

  private unlink(container: Container | undefined): void {
    for (const { endpointId } of container?.attachments ?? []) {
      if (this.byEndpoint.get(endpointId) === container?.id) this.byEndpoint.delete(endpointId);
    }
  }

  private notify(before: Container | undefined, after: Container | undefined): void {
    for (const listener of this.listeners) listener(before, after);
  }
}

function endpointsOf(container: Container): [string, string][] {
  return container.attachments.filter(({ endpointId }) => endpointId !== '').map(({ endpointId }) => [endpointId, container.id]);
}
