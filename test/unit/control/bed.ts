import { setImmediate, setTimeout } from 'node:timers/promises';
import { Control } from '../../../daemon/control/control.js';
import type { SharedHost } from '../../../daemon/control/hosts.js';
import type { DockerEngine } from '../../../daemon/docker/port.js';
import { FakeConntrack } from '../../../daemon/kernel/conntrack-fake.js';
import { FakeFabric } from '../../../daemon/kernel/fabric-fake.js';
import { FakeHostNetwork } from '../../../daemon/kernel/host-fake.js';
import { FakeHostFlows } from '../../../daemon/kernel/host-flows-fake.js';
import { FakeHostPorts } from '../../../daemon/kernel/host-ports-fake.js';
import { FakeNftables } from '../../../daemon/kernel/nftables-fake.js';
import type { Kernel } from '../../../daemon/kernel/port.js';
import { FakeSandboxes } from '../../../daemon/kernel/sandboxes-fake.js';
import { FakeRouters } from '../../../daemon/kernel/routers-fake.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import type { Store } from '../../../daemon/store/port.js';
import { defaultUplinkRanges, type UplinkRanges } from '../../../src/fabric/uplink.js';
import type { HostFacts } from '../../../src/checkup/host.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { NetctlError, unavailable } from '../../../src/model/errors.js';
import type { NetworkRequest, ServiceRequest } from '../../../src/model/request.js';
import { parseTerm } from '../../../src/selectors/parse.js';
import { FakeDocker } from '../../support/fake-docker.js';

/** All of netctl but its adapters: a store, a kernel and a Docker in memory, which outlive the daemon. */
export class Bed {
  readonly routers = new FakeRouters();
  readonly conntrack = new FakeConntrack(this.routers);
  readonly fabric = new FakeFabric(this.routers);
  readonly hostNetwork = new FakeHostNetwork(this.fabric);
  readonly ports = new FakeHostPorts();
  readonly hostFlows = new FakeHostFlows();
  readonly kernel: Kernel = {
    ...{ routers: this.routers, fabric: this.fabric, nftables: new FakeNftables(this.routers) },
    ...{ sandboxes: new FakeSandboxes(), conntrack: this.conntrack, host: this.hostNetwork, ports: this.ports, hostFlows: this.hostFlows },
  };
  readonly docker: FakeDocker;
  /** Milliseconds since the epoch, as the daemon has it. */
  now = 1_000_000;
  /** Says whether the kernel refuses what it is asked now. */
  refuses: () => boolean = () => false;
  dockerIsAway = false;
  /** What the host is like. */
  facts: HostFacts = healthyHost;
  /** What the next daemon is started with. */
  encryptByDefault = false;
  uplinkRanges: UplinkRanges = defaultUplinkRanges;
  control!: Control;
  /** What the daemon logged as errors. */
  readonly errors: string[] = [];
  /** The life of the running daemon: what it still does when it is over has no effect. */
  private life = { over: false };

  /**
   * @param host its name; several hosts may have one store.
   * @param shared what makes it one that knows of the others.
   */
  constructor(
    readonly store: Store = new MemoryStore(),
    readonly host: `h${number}` = 'h1',
    private readonly shared?: SharedHost,
  ) {
    this.docker = new FakeDocker(Number(host.slice(1)) * 1_000_000);
  }

  /** A daemon on this store and kernel. */
  async start(): Promise<void> {
    const life = { over: false };
    this.life = life;
    this.control = new Control({
      ...{ store: this.mortalStore(life), kernel: this.refusing(life), checkup: { read: () => Promise.resolve(this.facts) }, docker: this.engine(life), host: this.host, version: '1.0.0', storeName: 'memory', restMs: 60_000, reclaimMs: 60_000, verifyMs: 3_600_000, encryptByDefault: this.encryptByDefault },
      ...(this.shared ? { shared: this.shared } : {}),
      defaultPools: { 4: { base: Prefix.parse('10.64.0.0/10'), size: 24 }, 6: { base: Prefix.parse('fd00::/48'), size: 64 } },
      uplinkRanges: this.uplinkRanges,
      log: { debug() {}, info() {}, warn() {}, error: (_, message) => void this.errors.push(message) },
      now: () => this.now,
      metrics: { passed() {}, forgotten() {} },
    });
    await this.control.start();
    const { pluginAddresses: addresses, pluginEndpoints: endpoints, pluginPublications: publications, containerListener: listener } = this.control;
    this.docker.use({ addresses, endpoints, publications, listener });
    if (!this.dockerIsAway) this.docker.connect();
  }

  async stop(): Promise<void> {
    await this.control.stop();
  }

  /** Whatever the daemon is at, it does not get to the end of it. */
  crash(): void {
    this.life.over = true;
    void this.control.stop();
  }

  dockerGoes(): void {
    this.dockerIsAway = true;
    this.control.containerListener.disconnected('gone');
  }

  dockerReturns(): void {
    this.dockerIsAway = false;
    this.docker.connect();
  }

  /** Answers once a pass over the tenant's router has ended: creating what exists waits for one. */
  async settle(): Promise<void> {
    for (const { tenant, name, ipv4, ipv6, requestedVni } of this.control.listNetworks()) {
      await this.control.createNetwork({ tenant, name, ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}), ...(requestedVni === undefined ? {} : { vni: requestedVni }) });
    }
  }

  private mortalStore(life: { readonly over: boolean }): Store {
    const { store } = this;
    return {
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      watch: (prefix, revision, watcher) => store.watch(prefix, revision, watcher),
      close: () => Promise.resolve(),
      // A disk takes its time, in which other things happen.
      async transact(transaction) {
        await setImmediate();
        if (life.over) throw dead();
        const outcome = await store.transact(transaction);
        await setImmediate();
        if (life.over) throw dead();
        return outcome;
      },
    };
  }

  private engine(life: { readonly over: boolean }): DockerEngine {
    const answered = <T>(work: () => Promise<T>): Promise<T> => {
      if (life.over) return Promise.reject(dead());
      return this.dockerIsAway ? Promise.reject(unavailable('Docker does not answer')) : work();
    };
    return {
      createNetwork: (request) => answered(() => this.docker.createNetwork(request)),
      removeNetwork: (id) => answered(() => this.docker.removeNetwork(id)),
      listNetworks: () => answered(() => this.docker.listNetworks()),
      listEndpoints: (networkId) => answered(() => this.docker.listEndpoints(networkId)),
    };
  }

  /** The kernel, but that it fails when it is told to: before it did anything, in the middle, or after all was done. */
  private refusing(life: { readonly over: boolean }): Kernel {
    const { routers, fabric, sandboxes, nftables, conntrack, host, ports, hostFlows } = this.kernel;
    const failing = async <T>(work: () => Promise<T>): Promise<T> => {
      this.refuse(life);
      const result = await work();
      this.refuse(life);
      return result;
    };
    return {
      routers: {
        list: () => routers.list(),
        ensure: (tenant) => failing(() => routers.ensure(tenant)),
        isNetfilterWithBridges: (tenant) => routers.isNetfilterWithBridges(tenant),
        leaveNetfilterToBridges: (tenant) => routers.leaveNetfilterToBridges(tenant),
        isIntact: (tenant) => routers.isIntact(tenant),
        // Nobody waits for the removal of a router, so a failure would be made good after its wait only: too late for a test.
        remove: (tenant) => (life.over ? Promise.reject(dead()) : routers.remove(tenant)),
      },
      fabric: {
        read: (tenant) => failing(() => fabric.read(tenant)),
        readLinks: (tenant) => failing(() => fabric.readLinks(tenant)),
        changedByOthers: (tenant) => fabric.changedByOthers(tenant),
        apply: async (tenant, steps) => {
          for (const step of steps) await failing(() => fabric.apply(tenant, [step]));
        },
      },
      nftables: {
        read: (tenant) => failing(() => nftables.read(tenant)),
        replace: (tenant, state) => failing(() => nftables.replace(tenant, state)),
        prepare: (change) => nftables.prepare(change),
        apply: (tenant, change) => failing(() => nftables.apply(tenant, change)),
        generation: (tenant) => failing(() => nftables.generation(tenant)),
        traffic: (tenant) => failing(() => nftables.traffic(tenant)),
      },
      sandboxes: {
        find: (key, mac) => failing(() => sandboxes.find(key, mac)),
        give: (key, peer, link) => failing(() => sandboxes.give(key, peer, link)),
        setMtu: (key, mac, mtu) => failing(() => sandboxes.setMtu(key, mac, mtu)),
      },
      conntrack: {
        list: (tenant, about) => failing(() => conntrack.list(tenant, about)),
        remove: (tenant, flows) => failing(() => conntrack.remove(tenant, flows)),
      },
      host: {
        read: () => failing(() => host.read()),
        apply: async (steps) => {
          for (const step of steps) await failing(() => host.apply([step]));
        },
        foreignRoutes: () => host.foreignRoutes(),
        hasChanged: () => host.hasChanged(),
      },
      // A dead process holds no ports; a bed's next one takes over those that the last one held.
      ports,
      hostFlows: {
        list: () => failing(() => hostFlows.list()),
        remove: (flows) => failing(() => hostFlows.remove(flows)),
      },
    };
  }

  private refuse(life: { readonly over: boolean }): void {
    if (life.over) throw dead();
    if (this.refuses()) throw new NetctlError('internal', 'the kernel refuses');
  }
}

/** A host on which all is well. */
export const healthyHost: HostFacts = {
  kernel: '6.1.0-13-amd64',
  programs: { nft: '1.0.6', conntrack: '1.4.7', ip: '6.1.0', iptables: '1.8.9' },
  bridgeNetfilter: true,
  forwarding: true,
  freeBytes: 1024 ** 4,
  stateWritable: true,
  pluginAnswers: true,
  dockerVersion: '20.10.24+dfsg1',
  connections: [{ tenant: 'default', count: 10, most: 1000 }],
};

function dead(): Error {
  return new Error('the daemon is dead');
}

export function networkRequest(tenant: string, name: string, subnet: string, gateway?: string): NetworkRequest {
  return { tenant, name, ipv4: { prefix: Prefix.parse(subnet), ...(gateway ? { gateway: IpAddress.parse(gateway) } : {}) } };
}

export function serviceRequest(tenant: string, name: string, network: string, selector: string, ip?: string): ServiceRequest {
  const ports = [{ port: 80, targetPort: 8080, protocol: 'tcp' as const }, { port: 53, targetPort: 53, protocol: 'udp' as const }];
  return { tenant, name, network, selectors: [parseTerm(selector)], ports, algorithm: 'roundrobin', weights: [], prefer: 'any', ips: ip ? [IpAddress.parse(ip)] : [] };
}

/** Resolves when the condition holds; rejects after twenty seconds: the longest back-off, four times, as other tests may run beside this one. */
export async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within 20 s: ${what}`);
    await setTimeout(1);
  }
}
