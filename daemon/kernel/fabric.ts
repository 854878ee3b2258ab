import type { FabricState, FabricStep } from '../../src/fabric/state.js';
import { readFabric, readLinks } from './fabric-read.js';
import { addRoutes, carryOut, type Where } from './fabric-steps.js';
import { placeOf } from './link-items.js';
import { routerPath } from './netns.js';
import type { Fabric, FabricChange } from './port.js';
import { kernelError } from './rtnetlink-errors.js';
import type { RtnetlinkSockets } from './rtnetlink-sockets.js';

/** The fabric in the kernel's routers, over rtnetlink. */
export class KernelFabric implements Fabric {
  constructor(private readonly sockets: RtnetlinkSockets) {}

  async read(tenant: string): Promise<FabricState> {
    const router = await this.sockets.ofRouter(tenant);
    try {
      return await readFabric(router, () => this.sockets.ofHost());
    } catch (error) {
      throw kernelError(`read the links of tenant ${tenant}'s router`, error);
    }
  }

  async readLinks(tenant: string): Promise<FabricState['links']> {
    const router = await this.sockets.ofRouter(tenant);
    try {
      return await readLinks(router, () => this.sockets.ofHost());
    } catch (error) {
      throw kernelError(`read the links of tenant ${tenant}'s router`, error);
    }
  }

  changedByOthers(tenant: string): FabricChange {
    return this.sockets.changedByOthers(tenant);
  }

  async apply(tenant: string, steps: readonly FabricStep[]): Promise<void> {
    const router = await this.sockets.ofRouter(tenant);
    const where = { ...placeOf(router), host: () => placeOf(this.sockets.ofHost()), namespace: routerPath(tenant) };
    for (const [first, ...others] of runsOfRoutes(steps)) {
      if (others.length > 0) await addRun(tenant, where, [first, ...others]);
      else await carryOut(where, first).catch((error: unknown) => fail(tenant, first, error));
    }
  }
}

/** Steps one behind the other. */
type Run = readonly [FabricStep, ...FabricStep[]];

/** The steps in their order: routes that are added one behind the other together, all others alone. */
function runsOfRoutes(steps: readonly FabricStep[]): Run[] {
  const runs: [FabricStep, ...FabricStep[]][] = [];
  for (const step of steps) {
    const run = runs.at(-1);
    if (run && step.action === 'addRoute' && run[0].action === 'addRoute') run.push(step);
    else runs.push([step]);
  }
  return runs;
}

async function addRun(tenant: string, where: Where, run: Run): Promise<void> {
  const routes = run.flatMap((step) => (step.action === 'addRoute' ? [step.route] : []));
  const refusals = await addRoutes(where, routes).catch((error: unknown) => fail(tenant, run[0], error));
  for (const [route, refusal] of refusals) fail(tenant, { action: 'addRoute', route }, refusal);
}

function fail(tenant: string, step: FabricStep, error: unknown): never {
  throw kernelError(`${wordsOf(step)} in the router of tenant ${tenant}`, error);
}

/** The step as a person reads it: `addAddress` is "add address", and of what. */
function wordsOf(step: FabricStep): string {
  const verb = step.action.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${verb} ${subjectOf(step)}`;
}

function subjectOf(step: FabricStep): string {
  if ('name' in step) return step.name;
  if ('link' in step) return step.link.name;
  if ('route' in step) return step.route.prefix.toString();
  if ('entry' in step) return `entry of ${step.entry.link}`;
  const { address, link } = 'address' in step ? step.address : step.neighbour;
  return `${address.toString()} of ${link}`;
}
