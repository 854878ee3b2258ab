import { AllContainers } from './all-containers.js';
import { Addresses } from './addresses.js';
import { AnnouncedReleases } from './announced-releases.js';
import { Chronicle } from './chronicle.js';
import { ContainerReports } from './container-reports.js';
import { Containers } from './containers.js';
import type { ControlOptions } from './control-options.js';
import { DeletionMarks } from './deletion-marks.js';
import { DockerNetworks } from './docker-networks.js';
import { DockerPools } from './docker-pools.js';
import { Doctor } from './doctor.js';
import { Encryption } from './encryption.js';
import { Drains } from './drains.js';
import { Events } from './events.js';
import { Garbage } from './garbage.js';
import { HostAccess } from './host-access.js';
import { Host } from './host.js';
import { HostProbes } from './host-probes.js';
import { HostRemoval } from './host-removal.js';
import { HostsCheckup } from './host-checkup.js';
import { HostViews } from './host-views.js';
import { Hosts } from './hosts.js';
import { NetworkRemoval } from './network-removal.js';
import { Networks } from './networks.js';
import { PluginAddresses } from './plugin-addresses.js';
import { PluginEndpoints } from './plugin-endpoints.js';
import { Providers } from './providers.js';
import { Publications } from './publications.js';
import { Reconciler } from './reconciler.js';
import { Routers } from './routers.js';
import { Services } from './services.js';
import { State } from './state.js';
import { Statistics } from './statistics.js';
import { Tenants } from './tenants.js';
import { UnnamedNetworks } from './unnamed-networks.js';
import { Uplinks } from './uplinks.js';
import { Views } from './views.js';
import { Waiting } from './waiting.js';

/** How long the other hosts have to remove their Docker networks when a network is deleted, in milliseconds. */
const removalMs = 20_000;

/** Everybody who decides something, put together. Constructed, and nothing is begun. */
export class Controllers {
  readonly state: State;
  readonly events: Events;
  readonly containers: Containers;
  readonly hosts: Hosts;
  /** Absent: there are no other hosts. */
  readonly probes: HostProbes | undefined;
  /** Absent: there are no other hosts. */
  readonly encryption: Encryption | undefined;
  readonly hostViews: HostViews;
  readonly hostRemoval: HostRemoval;
  readonly reports: ContainerReports;
  readonly providers: Providers;
  readonly routers: Routers;
  readonly hostNetwork: Host;
  readonly publications: Publications;
  readonly marks: DeletionMarks;
  readonly tenants: Tenants;
  readonly networks: Networks;
  readonly services: Services;
  readonly drains: Drains;
  readonly statistics: Statistics;
  readonly views: Views;
  readonly doctor: Doctor;
  readonly pools: DockerPools;
  readonly pluginAddresses: PluginAddresses;
  readonly pluginEndpoints: PluginEndpoints;
  readonly garbage: Garbage;
  /** Brings Docker's networks to agreement with netctl's, under the key `all`; under `deletions`, follows what other hosts delete. */
  readonly dockerNetworks: Reconciler;
  /** Learns the names of networks that Docker made, under the key `all`. */
  readonly networkNames: Reconciler;

  constructor(options: ControlOptions) {
    const { store, docker, kernel, host, shared, reclaimMs, now, log } = options;
    const state = new State(store, log);
    const containers = new Containers(log);
    const allContainers = new AllContainers(state, containers, host);
    const addresses = new Addresses(state, now, options.restMs);
    const releases = new AnnouncedReleases(now);
    const waiting = new Waiting();
    state.onAnyChange(() => waiting.recheck());
    const doubtDocker = (): void => this.dockerNetworks.enqueue('all');
    this.state = state;
    this.containers = containers;
    this.events = new Events(now);
    const chronicle = new Chronicle(this.events, containers, allContainers, host);
    chronicle.follow(state);
    this.hosts = new Hosts({
      ...{ store, state, host, version: options.version, now, log },
      ...(shared ? { shared } : {}),
      came: (name) => chronicle.hostCame(name),
      went: (name) => chronicle.hostWent(name),
      removed: (name) => {
        chronicle.hostRemoved(name);
        // Of what this host held, its Docker networks come back by themselves.
        if (name === host && containers.areCurrent) doubtDocker();
      },
    });
    const { hosts } = this;
    this.probes = shared && new HostProbes({ kernel, pinger: shared.pinger, state, host, vxlanPort: shared.vxlanPort, intervalMs: shared.probeMs, now, log });
    this.encryption = shared && new Encryption({ tunnels: shared.tunnels, port: shared.tunnelPort, state, hosts, host, now, log, changed: () => this.routers.enqueue(this.encryption?.tenants() ?? []) });
    const { encryption } = this;
    this.reports = new ContainerReports({ store, state, containers, host, log, told: () => hosts.announce() });
    this.providers = new Providers(state, allContainers, hosts, encryption);
    const { providers } = this;
    const access = new HostAccess(state, kernel.host);
    const uplinks = new Uplinks(store, state, host, options.uplinkRanges);
    const linked = (): void => this.hostNetwork.linked();
    this.routers = new Routers({ kernel, state, containers, allContainers, hosts, providers, host, log, metrics: options.metrics, chronicle, uplinks, linked });
    const { routers } = this;
    this.hostNetwork = new Host({
      ...{ hostNetwork: kernel.host, flows: kernel.hostFlows, ranges: options.uplinkRanges, state, uplinks, access, hosts, host, log },
      hasStrangers: () => routers.hasStrangers,
      repaired: (differences) => chronicle.hostRepaired(differences),
    });
    const { hostNetwork } = this;
    const carryOut = (tenant: string): Promise<string | undefined> => this.carryOut(tenant);
    this.publications = new Publications({ store, state, containers, hostPorts: kernel.ports, host, log, carryOut, lost: (endpoint, reason) => chronicle.portLost(endpoint, reason) });
    this.marks = new DeletionMarks({ store, state, hosts, host, log });
    const { marks } = this;
    this.tenants = new Tenants(store, state, access, marks);
    const removal = new NetworkRemoval({ store, state, marks, hosts, waiting, host, patienceMs: removalMs, doubtDocker });
    this.networks = new Networks({ store, state, docker, host, now, log, uplinks, access, hosts, removal, waiting, encryptByDefault: options.encryptByDefault, doubtDocker });
    const { networks } = this;
    this.services = new Services(store, state, addresses);
    this.drains = new Drains({ state, services: this.services, containers, allContainers, hosts, providers, log });
    this.statistics = new Statistics({ state, providers, containers: allContainers, kernel, now });
    this.views = new Views(state, allContainers, providers, host, {
      ofTenant: (tenant) => routers.errorOf(tenant) ?? hostNetwork.errorOf(tenant) ?? (encryption?.tenants().includes(tenant) ? encryption.error : undefined) ?? hostNetwork.remarkOf(tenant),
      ofEndpoint: (id) => this.publications.errorOf(id),
    });
    const probes = this.probes ? { probes: this.probes } : {};
    this.hostViews = new HostViews({ state, hosts, ...probes, ...(encryption ? { encryption } : {}), views: this.views, host, version: options.version, store: options.storeName, began: now() });
    this.hostRemoval = new HostRemoval({ store, state, addresses, hosts, host, log });
    const hostsCheckup = new HostsCheckup({ store, state, containers, hosts, views: this.hostViews, ...(encryption ? { encryption } : {}), host, ...(shared ? { shared } : {}) });
    const dockerNetworks = new DockerNetworks({ store, state, docker, networks, marks, host, log });
    this.dockerNetworks = new Reconciler('docker-networks', (key) => (key === 'all' ? dockerNetworks.reconcile() : dockerNetworks.followDeletions()), log);
    this.doctor = new Doctor({ checkup: options.checkup, docker, state, uplinks, host, routers, hostNetwork, examineHosts: () => hostsCheckup.examine(), syncDocker: () => this.dockerNetworks.sync('all') });
    this.pools = new DockerPools({ store, state, waiting, defaults: options.defaultPools, hostRoutes: async () => (await kernel.host.foreignRoutes()).map(({ prefix }) => prefix), host, reclaimMs, now, log });
    const { pools } = this;
    const unnamed = new UnnamedNetworks({ store, state, docker, networks, pools, waiting, uplinks, access, host, reclaimMs, now, log, record: (happening) => this.events.record(happening) });
    this.networkNames = new Reconciler('network-names', () => unnamed.nameAll(), log);
    this.pluginAddresses = new PluginAddresses({ store, state, addresses, releases, pools, unnamed, networks, host, now });
    this.pluginEndpoints = new PluginEndpoints({ store, state, addresses, releases, routers, host, networks, unnamed });
    this.garbage = new Garbage({ store, state, containers, docker, addresses, drains: this.drains, marks, forgetEndpoint: (id) => this.pluginEndpoints.forget(id), host, reclaimMs, now, log });
  }

  /** Resolves when the kernel holds what is true now, or could not be brought to it. The host's pass follows the router's, which makes the link. */
  async synced(tenant: string): Promise<void> {
    await this.routers.sync(tenant);
    await this.hostNetwork.sync();
  }

  /** Brings what is published into the kernel; answers why it could not. */
  private async carryOut(tenant: string): Promise<string | undefined> {
    await this.synced(tenant);
    return this.routers.failureOf(tenant) ?? this.hostNetwork.errorOf(tenant);
  }
}
