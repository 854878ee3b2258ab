import type { Family, IpAddress } from '../model/address.js';
import type { Container } from '../model/container.js';
import type { Endpoint } from '../model/endpoint.js';
import { subnetOf, type Network } from '../model/network.js';
import type { Service } from '../model/service.js';
import { explain } from './explain.js';
import { weightOf } from './weights.js';

/** Whether a container is a provider of a service; `reason` is a sentence for `netctl service explain`. */
export type ProviderChoice =
  | {
      readonly provider: true;
      readonly endpoint: Endpoint;
      readonly reason: string;
      /** The container's addresses in other networks of the tenant: it may call its own service with one of these. */
      readonly aliases: readonly IpAddress[];
      /** The index of the service's weight that it counts for; absent: it shares what the weights leave. */
      readonly weight?: number;
    }
  | {
      readonly provider: false;
      readonly reason: string;
      /** The process exists and can be reached: connections that are open may live on. */
      readonly alive: boolean;
      /** It would be a provider if it were not being stopped, and no user had drained it. */
      readonly draining: boolean;
      /** The endpoint that gets the connections, or would. */
      readonly endpoint?: Endpoint;
    };

/**
 * A container is a provider if its labels satisfy every term, it has an endpoint in the service's
 * tenant, it runs, is neither paused nor being stopped, its health check, if it has one, has
 * passed, its host is there, and no user has drained it. What is missing is told in this order; but a container that does not run is told so before
 * that it has no endpoint, which is only the consequence.
 *
 * An endpoint counts while it is attached, and if it has an address of a family that the service
 * has. Of several the one that serves most of the service's families is taken; of these the one on the
 * service's own network, otherwise the one on the network whose name sorts first: a choice that depends
 * on nothing that changes by itself.
 * @param endpoints The container's, in any order.
 * @param networks The tenant's, by name.
 * @param away Why the container's host is not reached; absent: it is.
 */
export function chooseProvider(
  service: Service,
  container: Container,
  endpoints: readonly Endpoint[],
  networks: ReadonlyMap<string, Network>,
  away?: string,
): ProviderChoice {
  const endpoint = chooseEndpoint(service, endpoints);
  const obstacle = obstacleOf(container) ?? away;
  const mismatch = explain(service.selectors, container.labels);
  const alive = endpoint !== undefined && hasProcess(container);
  const no = (reason: string, draining: boolean): ProviderChoice => ({ provider: false, reason, alive, draining, ...(endpoint && { endpoint }) });

  if (mismatch !== undefined) return no(mismatch, false);
  if (!endpoint) return no(hasProcess(container) ? whyNoEndpoint(service, endpoints) : (obstacle ?? 'is not running'), false);
  if (obstacle !== undefined) return no(obstacle, alive && (container.stopping || away !== undefined));
  if (service.drained.includes(container.id)) return no('is drained by the user: no new connections, open ones live', alive);
  const weight = weightOf(service.weights, container.labels);
  return {
    provider: true,
    endpoint,
    reason: describe(service, container, endpoint, networks.get(endpoint.network)),
    aliases: attachedOf(service, endpoints).filter((other) => other !== endpoint).flatMap(({ addresses }) => addresses),
    ...(weight !== undefined && { weight }),
  };
}

/** The one by which the container would serve: see {@link chooseProvider}. */
export function chooseEndpoint(service: Service, endpoints: readonly Endpoint[]): Endpoint | undefined {
  const serving = attachedOf(service, endpoints).filter((endpoint) => commonFamilies(service, endpoint).length > 0);
  if (serving.length < 2) return serving[0];
  const families = (endpoint: Endpoint): number => commonFamilies(service, endpoint).length;
  const rank = ({ network }: Endpoint): number => (network === service.network ? 0 : 1);
  const text = ({ network, id }: Endpoint): string => `${network} ${id}`;
  return serving.sort((a, b) => families(b) - families(a) || rank(a) - rank(b) || (text(a) < text(b) ? -1 : 1))[0];
}

function attachedOf({ tenant }: Service, endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.filter((endpoint) => endpoint.tenant === tenant && endpoint.sandboxKey !== undefined);
}

function commonFamilies(service: Service, endpoint: Endpoint): Family[] {
  return service.addresses.map(({ family }) => family).filter((family) => endpoint.addresses.some((address) => address.family === family));
}

function hasProcess({ state }: Container): boolean {
  return state === 'running' || state === 'paused';
}

/** What of the container's own state keeps it from being a provider. */
function obstacleOf({ state, stopping, health }: Container): string | undefined {
  if (state !== 'running') return stateReasons[state];
  if (stopping) return 'is being stopped: no new connections, open ones live';
  if (health === 'unhealthy') return 'is unhealthy: its health check fails';
  if (health === 'starting') return 'health check has not passed yet';
  return undefined;
}

const stateReasons: Record<Exclude<Container['state'], 'running'>, string> = {
  created: 'is not running: it was created and never started',
  paused: 'is paused',
  restarting: 'is not running: it is restarting',
  removing: 'is not running: it is being removed',
  exited: 'is not running: it has exited',
  dead: 'is not running: Docker says it is dead',
};

function whyNoEndpoint(service: Service, endpoints: readonly Endpoint[]): string {
  const own = endpoints.filter(({ tenant }) => tenant === service.tenant);
  if (own.length === 0) return `is not attached to a network of tenant ${service.tenant}`;
  const attached = own.filter(({ sandboxKey }) => sandboxKey !== undefined);
  if (attached.length === 0) return `is not attached yet: Docker has made its endpoint on network ${own[0]?.network ?? ''} and not joined it`;
  const families = service.addresses.map(({ family }) => `IPv${family}`);
  return families.length === 0 ? 'the service has no service IP' : `has no ${families.join(' or ')} address, as the service has`;
}

function describe(service: Service, container: Container, endpoint: Endpoint, network: Network | undefined): string {
  const state = container.health === 'healthy' ? 'running and healthy' : 'running';
  const gateway = network && !canAnswerAll(service, endpoint, network) ? '; that network has no gateway, so that only clients on it get answers' : '';
  return `labels match, ${state}, on network ${endpoint.network}${whatItLacks(service, endpoint)}${gateway}`;
}

/** Of a service with two families, the one that the endpoint does not serve. */
function whatItLacks(service: Service, endpoint: Endpoint): string {
  const served = commonFamilies(service, endpoint);
  const lacking = service.addresses.find(({ family }) => !served.includes(family));
  return lacking ? `, over IPv${served.join()} only: it has no IPv${lacking.family} address there` : '';
}

/** Without a gateway the container has no route to a client on another network, whose own address it sees. */
function canAnswerAll(service: Service, endpoint: Endpoint, network: Network): boolean {
  return commonFamilies(service, endpoint).every((family) => subnetOf(network, family)?.gateway !== undefined);
}
