import type { Flow } from '../../src/nat/input.js';
import type { HostFlows } from './port.js';

/** UDP of a host without a kernel. */
export class FakeHostFlows implements HostFlows {
  /** What is tracked; a test adds to it. */
  flows: Flow[] = [];

  list(): Promise<Flow[]> {
    return Promise.resolve([...this.flows]);
  }

  remove(flows: readonly Flow[]): Promise<number> {
    const before = this.flows.length;
    const doomed = new Set(flows.map((flow) => JSON.stringify(flow)));
    this.flows = this.flows.filter((flow) => !doomed.has(JSON.stringify(flow)));
    return Promise.resolve(before - this.flows.length);
  }
}
