import type { HostContainer } from '../../src/model/container.js';
import { keys } from '../../src/model/keys.js';
import { decodeStored } from '../../src/model/stored.js';
import type { Change } from '../store/port.js';
import { Table } from './table.js';

/** What the hosts tell each other of their containers: by key, by host, and by endpoint. */
export class HostContainerTable extends Table<HostContainer> {
  /** Keys, by endpoint id. */
  private readonly byEndpoint = new Map<string, string>();

  constructor() {
    super(keys.containers, decodeStored.hostContainer, ({ host }) => host);
  }

  override apply(change: Change): string | undefined {
    const before = this.get(change.key)?.value;
    const host = super.apply(change);
    for (const id of endpointsOf(before)) if (this.byEndpoint.get(id) === change.key) this.byEndpoint.delete(id);
    for (const id of endpointsOf(this.get(change.key)?.value)) this.byEndpoint.set(id, change.key);
    return host;
  }

  override clear(): void {
    super.clear();
    this.byEndpoint.clear();
  }

  /** The container that the endpoint belongs to, as far as its host has said so. */
  ofEndpoint(id: string): HostContainer | undefined {
    const key = this.byEndpoint.get(id);
    return key === undefined ? undefined : this.get(key)?.value;
  }
}

function endpointsOf(told: HostContainer | undefined): string[] {
  return (told?.container.attachments ?? []).map(({ endpointId }) => endpointId).filter((id) => id !== '');
}
