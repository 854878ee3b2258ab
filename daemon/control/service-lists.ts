import { PlacedList } from '../../src/lists/placed-list.js';
import { exchanged, mapped } from '../../src/lists/places.js';
import type { IpAddress } from '../../src/model/address.js';
import type { Service } from '../../src/model/service.js';
import type { NatService } from '../../src/nat/input.js';
import { AnsweringAddresses } from './answered-networks.js';
import { Candidacies } from './candidacies.js';
import type { Hosts } from './hosts.js';
import { answeringEndpoint, type Candidacy, type Membership, type Providers } from './providers.js';
import { remembered } from './remembered.js';
import { natServices } from './router-inputs.js';

/** What a pass is told of the services of its tenant. */
export interface ServiceNews {
  readonly candidacies: readonly Candidacy[];
  /** As the router balances them. */
  readonly balanced: readonly NatService[];
  /** With those to whom open connections live on. */
  readonly living: readonly NatService[];
  /** All service IPs. */
  readonly addresses: readonly IpAddress[];
}

/**
 * All that follows from the services of one tenant, as lists that are kept from one pass to the next: what has not changed is the same object, at
 * the same place, so that a pass works at what has changed, and only compares pointers of the rest. They are thrown away with the router.
 */
export class ServiceLists {
  private readonly candidacies: Candidacies;
  private readonly balanced: (candidacies: readonly Candidacy[]) => readonly NatService[];
  private readonly living: (candidacies: readonly Candidacy[]) => readonly NatService[];
  private services: readonly Service[] = [];
  private readonly addresses = new PlacedList<IpAddress>();
  private readonly answering = new AnsweringAddresses();

  /** @param host the name of this host */
  constructor(providers: Pick<Providers, 'candidacy'>, hosts: Pick<Hosts, 'isPresent'>, host: string) {
    this.candidacies = new Candidacies(providers);
    // Remembered besides: when a service takes another one's place, it is still the same.
    this.balanced = mapped(remembered(natServices(host)));
    this.living = mapped(remembered(livingServices(hosts)));
  }

  bring(services: readonly Service[], membership: Membership): ServiceNews {
    const candidacies = this.candidacies.of(services, membership);
    this.bringAddresses(services);
    return { candidacies, balanced: this.balanced(candidacies), living: this.living(candidacies), addresses: this.addresses.list };
  }

  /** The addresses of those who answer. @param services what is balanced, and the ports that are published */
  answeringOf(services: readonly NatService[]): AnsweringAddresses {
    return this.answering.update(services);
  }

  private bringAddresses(services: readonly Service[]): void {
    const { gone, come } = exchanged(this.services, services);
    for (const address of gone.flatMap((service) => service.addresses)) this.addresses.delete(address.toString());
    for (const address of come.flatMap((service) => service.addresses)) this.addresses.set(address.toString(), address);
    this.services = services;
  }
}

/** On a host that is away TCP may live on; UDP would not notice that nobody answers, so it goes to those who are there. */
function livingServices(hosts: Pick<Hosts, 'isPresent'>): (candidacy: Candidacy) => NatService {
  const livingOf = remembered((choices: Candidacy['choices']) => choices.flatMap(answeringEndpoint).filter(({ host }) => hosts.isPresent(host)));
  return ({ service: { addresses, ports }, choices }) => ({ addresses, ports, providers: livingOf(choices) });
}
