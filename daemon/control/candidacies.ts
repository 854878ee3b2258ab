import { changedPlaces, exchanged, replaced } from '../../src/lists/places.js';
import type { Service } from '../../src/model/service.js';
import { labelAsked, labelsOf, type Candidacy, type Judged, type Membership, type Providers } from './providers.js';

/**
 * Who may be a provider of each service of one tenant. The list is kept, and looked at again only where a change is about it: at the services
 * that are new, and at those that ask for a label of a container that is. Only after a change of networks or hosts it is looked at everywhere.
 */
export class Candidacies {
  private services: readonly Service[] = [];
  private membership: Membership | undefined;
  private list: readonly Candidacy[] = [];
  /** The places of the services that ask for a label, by it. */
  private readonly asking = new Map<string | undefined, Set<number>>();

  constructor(private readonly providers: Pick<Providers, 'candidacy'>) {}

  /** At the places of the services; the same list as before if nothing has changed in it. */
  of(services: readonly Service[], membership: Membership): readonly Candidacy[] {
    const moved = changedPlaces(this.services, services);
    for (const place of moved) this.move(place, this.services[place], services[place]);
    const looked = membership.setting === this.membership?.setting ? new Set([...moved, ...this.concernedBy(membership)]) : services.keys();
    // At start they are thousands, over few containers. It is not kept: what services asked for once would pile up.
    const judged: Judged = new Map();
    const found = [...looked].flatMap((place): [number, Candidacy][] => {
      const service = services[place];
      return service ? [[place, this.providers.candidacy(service, membership, judged)]] : [];
    });
    this.list = replaced(this.list, found, services.length);
    this.services = services;
    this.membership = membership;
    return this.list;
  }

  private move(place: number, before: Service | undefined, after: Service | undefined): void {
    if (before) this.leave(place, labelAsked(before));
    if (!after) return;
    const label = labelAsked(after);
    this.asking.set(label, (this.asking.get(label) ?? new Set()).add(place));
  }

  private leave(place: number, label: string | undefined): void {
    const places = this.asking.get(label);
    places?.delete(place);
    if (places?.size === 0) this.asking.delete(label);
  }

  /** The places of the services whose candidates may be others than before. */
  private concernedBy({ members }: Membership): number[] {
    const { gone, come } = exchanged(this.membership?.members ?? [], members);
    const labels = new Set<string | undefined>([...gone, ...come].flatMap(labelsOf));
    // Of those that ask for no label anybody may be a provider.
    if (gone.length + come.length > 0) labels.add(undefined);
    return [...labels].flatMap((label) => [...(this.asking.get(label) ?? [])]);
  }
}
