import type { NatService } from './input.js';

/** Which services are no more, and which are new. They are told apart as objects, each is listed once. */
export function exchanged(before: ReadonlySet<NatService>, now: readonly NatService[]): { gone: NatService[]; come: NatService[] } {
  const come = now.filter((service) => !before.has(service));
  if (now.length - come.length === before.size) return { gone: [], come };
  const rest = new Set(now);
  return { gone: [...before].filter((service) => !rest.has(service)), come };
}
