import type { ContainerListener } from '../../../daemon/docker/port.js';
import type { Container } from '../../../src/model/container.js';

/** A listener that writes down what it is told, as text that is easy to compare. */
export class Told implements ContainerListener {
  readonly lines: string[] = [];
  readonly reasons: string[] = [];
  networksMade = 0;
  /** What is known by what was told. */
  readonly now = new Map<string, Container>();

  connected(containers: readonly Container[]): void {
    this.now.clear();
    for (const container of containers) this.now.set(container.id, container);
    this.lines.push(`connected ${containers.map(describe).sort().join(', ')}`.trim());
  }

  changed(container: Container): void {
    this.now.set(container.id, container);
    this.lines.push(`changed ${describe(container)}`);
  }

  removed(containerId: string): void {
    this.now.delete(containerId);
    this.lines.push(`removed ${containerId}`);
  }

  networkMade(): void {
    this.networksMade += 1;
  }

  disconnected(reason: string): void {
    this.reasons.push(reason);
    this.lines.push('disconnected');
  }
}

function describe(container: Container): string {
  return [container.id, container.state, ...(container.health === 'none' ? [] : [container.health]), ...(container.stopping ? ['stopping'] : [])].join(' ');
}

/** Waits until the condition holds; fails after `ms` milliseconds with what it was about. */
export async function until(what: string, holds: () => boolean, ms = 5000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
