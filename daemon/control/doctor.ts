import { setTimeout } from 'node:timers/promises';
import type { Finding } from '../../src/checkup/finding.js';
import { judgeHost } from '../../src/checkup/host.js';
import { messageOf } from '../../src/model/errors.js';
import type { DockerEngine } from '../docker/port.js';
import type { Checkup } from '../kernel/port.js';
import { addDrift, countDrift, type Drift } from './drift.js';
import type { Host } from './host.js';
import type { Routers } from './routers.js';
import type { State } from './state.js';
import type { Uplinks } from './uplinks.js';

interface Parts {
  readonly checkup: Checkup;
  readonly docker: Pick<DockerEngine, 'listNetworks'>;
  readonly state: State;
  readonly routers: Pick<Routers, 'compare' | 'errorOf' | 'isSettled' | 'sync' | 'doubt'>;
  readonly hostNetwork: Pick<Host, 'errorOf' | 'sync' | 'verify'>;
  readonly uplinks: Pick<Uplinks, 'tenants'>;
  readonly examineHosts: () => Promise<Finding[]>;
  /** The Docker networks are to be compared and made whole. Resolves when that was tried. */
  readonly syncDocker: () => Promise<void>;
  readonly host: string;
}

/** Between two looks at a router that differs: a pass may be under way. In milliseconds. */
const secondLookMs = 200;

/** Looks at everything that netctl needs and holds, and says what is not as it should be. */
export class Doctor {
  private examining: Promise<Finding[]> | undefined;
  private repairing: Promise<void> | undefined;

  constructor(private readonly parts: Parts) {}

  /** Changes nothing. Who asks while it is under way gets the same answer: to look takes its time. */
  examine(): Promise<Finding[]> {
    this.examining ??= this.lookAtAll().finally(() => (this.examining = undefined));
    return this.examining;
  }

  /** Reads and repairs all that netctl itself holds: routers, the host's part, Docker's networks. */
  repair(): Promise<void> {
    this.repairing ??= this.repairAll().finally(() => (this.repairing = undefined));
    return this.repairing;
  }

  private async lookAtAll(): Promise<Finding[]> {
    const { checkup, state, uplinks, examineHosts } = this.parts;
    const tenants = this.tenants();
    const [facts, hosts] = await Promise.all([checkup.read(tenants), examineHosts()]);
    const docker = facts.dockerVersion === undefined ? [] : await this.examineDockerNetworks();
    const routers = await Promise.all(tenants.map((tenant) => this.examineRouter(tenant)));
    return [...judgeHost(facts, uplinks.tenants().length > 0), ...docker, ...routers, ...hosts, ...(state.isCurrent ? [] : [notCurrent])];
  }

  private async repairAll(): Promise<void> {
    const { routers, hostNetwork, syncDocker } = this.parts;
    const tenants = this.tenants();
    for (const tenant of tenants) routers.doubt(tenant);
    await Promise.all(tenants.map((tenant) => routers.sync(tenant)));
    hostNetwork.verify();
    await hostNetwork.sync();
    await syncDocker();
  }

  private tenants(): string[] {
    const { state } = this.parts;
    return state.tenants.values().map(({ name }) => name).filter((name) => state.networks.of(name).length > 0).sort();
  }

  private async examineDockerNetworks(): Promise<Finding[]> {
    const { docker, state, host } = this.parts;
    const check = 'docker networks';
    try {
      const present = new Set((await docker.listNetworks()).map(({ id }) => id));
      const missing = state.networks.values().filter(({ tenant, name }) => !present.has(state.bindingOf(host, tenant, name)?.dockerNetworkId ?? ''));
      if (missing.length === 0) return [{ check, status: 'ok', message: `Docker has each of the networks (${state.networks.size})` }];
      const names = missing.map(({ tenant, name }) => `${tenant}:${name}`).join(', ');
      return [{ check, status: 'failed', message: `Docker has no network for ${names}`, remedy: 'run "netctl doctor --repair", which makes them again' }];
    } catch (error) {
      return [{ check, status: 'failed', message: `Docker's networks cannot be listed: ${messageOf(error)}`, remedy: "see Docker's log" }];
    }
  }

  private async examineRouter(tenant: string): Promise<Finding> {
    const { routers, hostNetwork } = this.parts;
    const check = `router of ${tenant}`;
    const error = routers.errorOf(tenant) ?? hostNetwork.errorOf(tenant);
    if (error !== undefined) return { check, status: 'failed', message: error, remedy: 'run "netctl doctor --repair"; if it stays, see the log of netctld' };
    if (!routers.isSettled(tenant)) return { check, ...notSettled };
    const drift = await this.lastingDrift(tenant);
    if (typeof drift === 'string') return { check, status: 'failed', message: drift, remedy: 'run "netctl doctor --repair"' };
    const differences = countDrift(drift);
    if (differences === 0) return { check, status: 'ok', message: 'the kernel holds what is desired' };
    const kinds = Object.entries(drift).map(([kind, count]) => `${kind} ${count}`).join(', ');
    const places = differences === 1 ? 'place' : 'places';
    return { check, status: 'failed', message: `the kernel differs from what is desired in ${differences} ${places} (${kinds}): somebody else changed it`, remedy: 'run "netctl doctor --repair"; netctld does so by itself within seconds' };
  }

  /** What differs twice in a row is not just being changed by netctld. */
  private async lastingDrift(tenant: string): Promise<Drift | string> {
    try {
      const first = await this.parts.routers.compare(tenant);
      if (countDrift(first) === 0) return first;
      await setTimeout(secondLookMs);
      return addDrift(await this.parts.routers.compare(tenant));
    } catch (error) {
      return `the router cannot be read: ${messageOf(error)}`;
    }
  }
}

const notSettled: Omit<Finding, 'check'> = {
  status: 'failed',
  message: 'it is as it was before netctld started: it is brought up to date when all containers are known',
  remedy: 'wait a moment; if it stays, see the log of netctld',
};
const notCurrent: Finding = { check: 'store', status: 'failed', message: 'the state is being read again: what is shown may be old', remedy: 'wait a moment; if it stays, see the log of netctld' };
