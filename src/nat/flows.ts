import type { IpAddress } from '../model/address.js';
import type { Protocol } from '../model/service.js';
import type { Flow, NatService } from './input.js';

/** Who may keep the connections that they have. */
export interface Living {
  /** The addresses of the endpoints whose container runs; paused and draining ones included. */
  readonly addresses: readonly IpAddress[];
  /** The services, with the providers that get new connections *and* those that drain. */
  readonly services: readonly NatService[];
}

/** Connections with one of these ends: that lead to one of the providers, or were asked of one of the service IPs. */
export interface FlowsAbout {
  readonly providers: readonly IpAddress[];
  readonly services: readonly IpAddress[];
}

/** Tells whether a connection is among those. */
export function isAbout({ providers, services }: FlowsAbout): (flow: Flow) => boolean {
  const [answering, asked] = [providers, services].map((addresses) => new Set(addresses.map((address) => address.toString())));
  return ({ provider, service }) => answering?.has(provider.address.toString()) === true || asked?.has(service.address.toString()) === true;
}

/**
 * The connections that must be forgotten, because nothing but their time-out would end them:
 * - TCP to a provider that is not alive: the next packet of the client then meets another provider, or
 *   none, and is reset. To any living provider a TCP connection stays, whatever became of the service.
 * - UDP to whoever is not, or no longer, a provider of this service port: as long as a client keeps its
 *   source port it would be sent there for ever, also if no provider is left or the service is gone.
 * - UDP to a service IP from when it was none, as when a container had the address: untranslated for
 *   ever, it is refused. Other UDP that was not translated is nobody's business.
 */
export function staleFlows(flows: readonly Flow[], living: Living): Flow[] {
  const alive = new Set(living.addresses.map((address) => address.toString()));
  const asked = new Set(flows.flatMap(({ protocol, service }) => (protocol === 'udp' ? [service.address.toString()] : [])));
  // There may be thousands of services, and few that anybody talks to.
  const services = asked.size === 0 ? [] : living.services.filter(({ addresses }) => addresses.some((address) => asked.has(address.toString())));
  const serviceIps = new Set(services.flatMap(({ addresses }) => addresses.map((address) => address.toString())));
  const legs = udpLegs(services);
  const mayStay = (flow: Flow): boolean => {
    if (flow.protocol === 'tcp') return alive.has(flow.provider.address.toString());
    return isTranslated(flow) ? legs.has(legKey(flow)) : !serviceIps.has(flow.service.address.toString());
  };
  return flows.filter((flow) => !mayStay(flow));
}

/** Of UDP those that are not are listed, too. */
export function isTranslated({ service, provider }: Flow): boolean {
  return service.port !== provider.port || !service.address.equals(provider.address);
}

/** The ways that UDP takes through the services: a service port and a provider that answers there, as text. Each with the provider. */
export function udpLegs(services: readonly NatService[]): Map<string, IpAddress> {
  return new Map(services.flatMap(legsOf));
}

function legsOf({ addresses, ports, providers }: NatService): [string, IpAddress][] {
  const answering = providers.flatMap((provider) => provider.addresses);
  return addresses.flatMap((address) =>
    ports.filter(({ protocol }) => protocol === 'udp').flatMap(({ protocol, port, targetPort }) =>
      answering
        .filter(({ family }) => family === address.family)
        .map((provider): [string, IpAddress] => [legKey({ protocol, service: { address, port }, provider: { address: provider, port: targetPort } }), provider]),
    ),
  );
}

interface Socket {
  readonly address: IpAddress;
  readonly port: number;
}

function legKey({ protocol, service, provider }: { readonly protocol: Protocol; readonly service: Socket; readonly provider: Socket }): string {
  return `${protocol} ${socketKey(service)} ${socketKey(provider)}`;
}

function socketKey({ address, port }: Socket): string {
  return `${address.toString()} ${port}`;
}
