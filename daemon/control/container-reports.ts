import type { Container, HostContainer } from '../../src/model/container.js';
import { keys } from '../../src/model/keys.js';
import { decodeStored, encodeStored } from '../../src/model/stored.js';
import type { Json, Operation, Store } from '../store/port.js';
import { bindingFor } from './attachments.js';
import type { Containers } from './containers.js';
import type { Logger } from './logger.js';
import { Reconciler } from './reconciler.js';
import type { State } from './state.js';
import { transact, write } from './transact.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly containers: Containers;
  readonly host: string;
  readonly log: Logger;
  /** All that is true of this host's containers is in the store. */
  readonly told: () => Promise<void>;
}

/** Written in one transaction: etcd takes no more than 128 operations at once unless it is told to. */
const mostAtOnce = 100;

/** There is one thing to reconcile, under this key. */
const key = 'own';

/**
 * Tells the other hosts of this one's containers: of those that are attached to networks of netctl's, what Docker says of
 * them. A burst of changes is one transaction, with what is true in the end; what could not be written is written when the store is back.
 */
export class ContainerReports {
  private readonly reconciler: Reconciler;
  /** What was last written of each container, to tell cheaply that nothing changed. */
  private readonly reported = new Map<string, { readonly container: Container; readonly attached: number }>();

  constructor(private readonly parts: Parts) {
    this.reconciler = new Reconciler('container-reports', () => this.report(), parts.log);
  }

  start(): void {
    const { containers, state } = this.parts;
    containers.onChange(() => this.reconciler.enqueue(key));
    containers.onConnected(() => this.reconciler.enqueue(key));
    // A network may have got its name, or somebody have removed what this host told.
    state.onChange(() => this.reconciler.enqueue(key));
  }

  stop(): Promise<void> {
    return this.reconciler.stop();
  }

  /** Before Docker has told of all containers nobody may conclude that one is gone. */
  private async report(): Promise<void> {
    const { store, containers, told } = this.parts;
    if (!containers.areKnown) return;
    let more = true;
    while (more) more = await transact(store, () => write(...this.changes().slice(0, mostAtOnce)));
    await told();
  }

  /** What must be written and deleted. */
  private changes(): Operation[] {
    const { state, containers, host } = this.parts;
    const reports = containers.values().flatMap((container) => this.reportOf(container));
    const attached = new Set(reports.map(({ container }) => container.id));
    const gone = state.hostContainers.of(host).filter(({ container }) => !attached.has(container.id));
    for (const { container } of gone) this.reported.delete(container.id);
    return [
      ...reports.flatMap((report) => this.put(report)),
      ...gone.map(({ container }) => ({ key: keys.container(host, container.id), delete: true as const })),
    ];
  }

  private put(report: HostContainer & { readonly of: Container }): Operation[] {
    const { state, host } = this.parts;
    const { container, of } = report;
    const key = keys.container(host, container.id);
    const held = state.hostContainers.get(key)?.value;
    const before = this.reported.get(container.id);
    const attached = container.attachments.length;
    if (held && before?.container === of && before.attached === attached) return [];
    // Decoded, it has its fields in the order of those that were read.
    const value: Json = encodeStored(decodeStored.hostContainer(encodeStored({ host, container })));
    if (held && JSON.stringify(encodeStored(held)) === JSON.stringify(value)) {
      this.reported.set(container.id, { container: of, attached });
      return [];
    }
    this.reported.delete(container.id);
    return [{ key, put: value }];
  }

  /** Only its attachments to networks of netctl's; nothing if it has none. */
  private reportOf(container: Container): (HostContainer & { readonly of: Container })[] {
    const { state, host } = this.parts;
    const attachments = container.attachments.filter((attachment) => bindingFor(state, host, attachment) !== undefined || state.endpoints.get(keys.endpoint(attachment.endpointId)) !== undefined);
    return attachments.length === 0 ? [] : [{ host, container: { ...container, attachments }, of: container }];
  }
}
