import type { UplinkRanges } from '../../src/fabric/uplink.js';
import { diffHost, absentLinks } from '../../src/host/diff.js';
import { staleHostFlows, udpLegsText } from '../../src/host/flows.js';
import type { HostOverlay, HostPublication, HostUplink } from '../../src/host/input.js';
import { planHost } from '../../src/host/plan.js';
import { familiesOf, isUnspecified } from '../../src/host/publish.js';
import { dockerBridges, type Reach } from '../../src/host/reach.js';
import type { HostStep } from '../../src/host/state.js';
import type { Prefix } from '../../src/model/address.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { messageOf } from '../../src/model/errors.js';
import { subnetsOf, type Network } from '../../src/model/network.js';
import type { HostFlows, HostNetwork } from '../kernel/port.js';
import type { HostAccess } from './host-access.js';
import type { Hosts } from './hosts.js';
import type { Logger } from './logger.js';
import { Pace } from './pace.js';
import { Reconciler } from './reconciler.js';
import type { State } from './state.js';
import type { Uplinks } from './uplinks.js';

interface Parts {
  readonly hostNetwork: HostNetwork;
  readonly flows: HostFlows;
  readonly ranges: UplinkRanges;
  readonly state: State;
  readonly uplinks: Pick<Uplinks, 'linkOf' | 'tenants'>;
  readonly access: Pick<HostAccess, 'plan'>;
  readonly hosts: Pick<Hosts, 'overlay'>;
  readonly host: string;
  readonly log: Logger;
  /** There are routers of which the store knows nothing: what looks like a left-over may be theirs. */
  readonly hasStrangers: () => boolean;
  /** Somebody else had changed it in so many places. */
  readonly repaired: (differences: number) => void;
}

/** The largest share of the time that readings may take: while others, as Docker, keep changing the host's nftables each takes several programs. */
const shareOfReadings = 0.05;

/** There is one host to reconcile, under this key. */
const key = 'host';

/**
 * Keeps netctl's part of the host's own namespace as it should be: the host's ends of the uplinks, which the routers' passes
 * make, and what leads to and from them.
 */
export class Host {
  private readonly reconciler: Reconciler;
  /** What was wished for when it was last brought about, as text; undefined: nobody knows what the kernel holds. */
  private settled: string | undefined;
  /** What was wished for last, and what that followed from besides the networks, endpoints and tenants of that number. */
  private wished: { readonly others: string; readonly text: string } | undefined;
  /** The kernel is to be read even if nothing new is wished for. */
  private stale = false;
  /** Whatever differs from what is settled was changed by somebody else. */
  private verifying = false;
  private readonly readings = new Pace();
  /** Somebody changed something, and it was not read since. */
  private suspected = false;
  private failure: string | undefined;
  /** Where published UDP led when the host's flows were last looked through, as text. */
  private swept: string | undefined;
  private reach: ReadonlyMap<string, Reach> = new Map();
  /** The tenants whose link was not there. */
  private linkless: ReadonlySet<string> = new Set();

  constructor(private readonly parts: Parts) {
    this.reconciler = new Reconciler('host', () => this.pass(), parts.log);
  }

  /**
   * Writes the rules, and nothing else, if any network is encrypted: of such a network no link leads to other hosts before. After a restart of the
   * host the routers would come first.
   * @throws NetctlError
   */
  async guard(): Promise<void> {
    const { state, hostNetwork } = this.parts;
    if (!state.networks.values().some(({ encrypted }) => encrypted)) return;
    const rules = (await this.difference()).steps.filter(({ action }) => action === 'setRules');
    if (rules.length > 0) await hostNetwork.apply(rules);
  }

  /** Follows all changes from now on. */
  start(): void {
    this.parts.state.onChange(() => this.reconciler.enqueue(key));
    this.reconciler.enqueue(key);
  }

  stop(): Promise<void> {
    return this.reconciler.stop();
  }

  /** Resolves when all that is true now is in the kernel, or could not be brought there: see {@link errorOf}. */
  sync(): Promise<void> {
    return this.reconciler.sync(key);
  }

  /** A router's uplink was made, or made anew: nothing is on the host's end yet. */
  linked(): void {
    this.stale = true;
    this.verifying = false;
    this.reconciler.enqueue(key);
  }

  /** Reads the kernel again and repairs what differs. */
  verify(): void {
    this.verifying = !this.stale && this.settled !== undefined;
    this.stale = true;
    this.reconciler.enqueue(key);
  }

  /** Does so if somebody changed something there, and as often as it takes little of the time: others, as Docker, change much of their own. */
  async look(): Promise<void> {
    this.suspected = (await this.parts.hostNetwork.hasChanged().catch(() => true)) || this.suspected;
    if (!this.suspected || !this.readings.allows(shareOfReadings)) return;
    this.suspected = false;
    this.verify();
  }

  /** Why the host does not hold what the tenant needs. */
  errorOf(tenant: string): string | undefined {
    if (this.parts.uplinks.linkOf(tenant) === undefined) return undefined;
    if (this.failure !== undefined) return `the host's own network could not be programmed: ${this.failure}`;
    return this.linkless.has(tenant) ? 'the link between its router and the host is missing' : undefined;
  }

  /** What the host was to reach of the tenant, and why it does not. */
  remarkOf(tenant: string): string | undefined {
    return this.reach.get(tenant)?.leftOut.join('; ') || undefined;
  }

  private async pass(): Promise<void> {
    const wish = this.wish();
    if (wish === this.settled && !this.stale) return;
    const verifying = this.verifying && wish === this.settled;
    this.stale = false;
    this.verifying = false;
    this.settled = undefined;
    try {
      this.report(await this.bring(), verifying);
      this.failure = undefined;
    } catch (error) {
      this.failure = messageOf(error);
      throw error;
    }
    this.settled = wish;
  }

  /** @returns the steps that were needed. */
  private async bring(): Promise<readonly HostStep[]> {
    const { steps, uplinks } = await this.difference();
    if (steps.length > 0) await this.parts.hostNetwork.apply(steps);
    await this.forgetFlows(uplinks);
    return steps;
  }

  /** What is to be done, and what the uplinks are to be. */
  private async difference(): Promise<{ readonly steps: readonly HostStep[]; readonly uplinks: readonly HostUplink[] }> {
    const { hostNetwork, access } = this.parts;
    const { routes, observed } = await this.readings.measure(async () => ({ routes: await hostNetwork.foreignRoutes(), observed: await hostNetwork.read() }));
    this.reach = access.plan(routes);
    const uplinks = this.uplinks((tenant) => this.reach.get(tenant)?.reachable ?? []);
    const desired = planHost({ uplinks, dockerBridges: dockerBridges(routes), ...this.overlay() });
    const absent = new Set(absentLinks(desired, observed));
    this.linkless = new Set(uplinks.flatMap(({ link }) => (absent.has(link.host.link) ? [link.tenant] : [])));
    return { steps: this.allowed(diffHost(desired, observed)), uplinks };
  }

  /** Only after the rules: what is new then goes where it is led. */
  private async forgetFlows(uplinks: readonly HostUplink[]): Promise<void> {
    const legs = udpLegsText(uplinks);
    if (legs === this.swept) return;
    this.swept = undefined;
    const { flows, ranges } = this.parts;
    await flows.remove(staleHostFlows(await flows.list(), uplinks, ranges));
    this.swept = legs;
  }

  /** All that a pass depends on but for the host's routes, as text. It is the same after a change of services only. */
  private wish(): string {
    const own = [this.parts.hasStrangers(), this.overlay()];
    const others = JSON.stringify([...own, this.parts.state.surroundings]);
    if (this.wished?.others !== others) this.wished = { others, text: JSON.stringify([this.uplinks(() => []), [...this.parts.access.plan([])], ...own]) };
    return this.wished.text;
  }

  private overlay(): { readonly overlay?: HostOverlay } {
    const overlay = this.parts.hosts.overlay();
    return overlay ? { overlay: { port: overlay.port, encryptedPort: overlay.encrypted.port, hosts: [...overlay.underlays.values()] } } : {};
  }

  private uplinks(reachable: (tenant: string) => readonly Prefix[]): HostUplink[] {
    const { state, uplinks } = this.parts;
    return uplinks.tenants().flatMap((tenant) => {
      const link = uplinks.linkOf(tenant);
      if (!link) return [];
      const networks = state.networks.of(tenant);
      const subnets = networks.flatMap((network) => subnetsOf(network).map(({ prefix }) => prefix));
      return [{ link, reachable: reachable(tenant), subnets, publications: this.publications(tenant, networks) }];
    });
  }

  private publications(tenant: string, networks: readonly Network[]): HostPublication[] {
    const { state, host } = this.parts;
    const endpoints = state.endpoints.of(tenant).filter((endpoint) => endpoint.host === host && endpoint.publications);
    return endpoints.flatMap((endpoint) => {
      const network = networks.find(({ name }) => name === endpoint.network);
      return network ? publicationsOf(endpoint, network) : [];
    });
  }

  private allowed(steps: readonly HostStep[]): HostStep[] {
    const takesAway = (step: HostStep): boolean => step.action === 'deleteLink' || step.action === 'deleteRules' || (step.action === 'setAccept' && !step.present);
    return this.parts.hasStrangers() ? steps.filter((step) => !takesAway(step)) : [...steps];
  }

  private report(steps: readonly HostStep[], verifying: boolean): void {
    if (steps.length === 0) return;
    const { log, repaired } = this.parts;
    const fields = { steps: steps.length, actions: [...new Set(steps.map(({ action }) => action))] };
    if (!verifying) return log.info({ event: 'host-changed', ...fields }, "changed the host's own network");
    log.warn({ event: 'host-repaired', ...fields }, "somebody else had changed netctl's part of the host's own network; it is repaired");
    repaired(steps.length);
  }
}

function publicationsOf(endpoint: Endpoint, network: Network): HostPublication[] {
  return (endpoint.publications ?? []).map((publication) => {
    const { protocol, hostIp, hostPort, routerPort } = publication;
    const families = familiesOf(publication, endpoint, network);
    return { protocol, ...(hostIp && !isUnspecified(hostIp) ? { hostIp } : {}), hostPort, routerPort, families };
  });
}
