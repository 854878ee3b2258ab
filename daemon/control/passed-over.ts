import type { Service } from '../../src/model/service.js';
import { servingOf } from '../../src/nat/serving.js';
import type { ProviderChoice } from '../../src/selectors/provider.js';
import { natProviders } from './router-inputs.js';

/**
 * What is to be said besides of a provider that this host's clients do not get, because there are some on their own
 * host; empty for all others.
 * @param choices all of the service's.
 */
export function passedOver(service: Service, choices: readonly ProviderChoice[], host: string): (choice: ProviderChoice) => string {
  const { weights } = service;
  const candidates = { providers: natProviders(service, choices, host), weights: weights.map(({ percent }) => percent) };
  const families = service.addresses.map(({ family }) => family);
  const serving = new Map(families.map((family) => [family, new Set(servingOf(family, candidates).flatMap(({ addresses }) => addresses))]));
  return (choice) => {
    if (!choice.provider || choice.endpoint.host === host) return '';
    const own = choice.endpoint.addresses.filter(({ family }) => families.includes(family));
    const unused = own.filter((address) => serving.get(address.family)?.has(address) === false);
    if (unused.length === 0) return '';
    const clients = unused.length === own.length ? 'clients' : `IPv${unused.map(({ family }) => family).join()} clients`;
    return `; not for ${clients} on ${host}, which has providers of its own`;
  };
}
