import { subscribe } from 'node:diagnostics_channel';
import type { AddressPort, EndpointPort, PublicationPort } from '../plugin/ports.js';
import { invalid } from '../src/model/errors.js';
import type { DockerEngine } from './docker/port.js';
import type { Kernel } from './kernel/port.js';
import type { Store } from './store/port.js';

/**
 * Named points at which netctld can be made to die: before and after everything that it does outside of its own memory. A test
 * names one in NETCTLD_FAULT, or several, and netctld kills itself at the first that it comes to with SIGKILL, as a power switch would. Without the variable this file is not
 * even loaded, and nothing stands between netctld and its ports.
 */

/** The ports that have points. Those of the kernel have the names that the kernel's port gives them. */
interface Ports extends Kernel {
  readonly store: Store;
  readonly docker: DockerEngine;
  readonly addresses: AddressPort;
  readonly endpoints: EndpointPort;
  readonly publications: PublicationPort;
}

/**
 * A `change` has a point before it and one after it. A `read` has none: to die there is to die after the change before it. `each`: a
 * change of several, given as the last argument, that are carried out one by one, so that there are points between them.
 */
type Kind = 'change' | 'read' | 'each';

/** Every method of every port: the compiler asks for those that are new. */
const methods: { readonly [P in keyof Ports]: { readonly [M in keyof Ports[P]]: Kind } } = {
  store: { get: 'read', list: 'read', transact: 'change', watch: 'read', close: 'change' },
  routers: { list: 'read', ensure: 'change', isNetfilterWithBridges: 'read', leaveNetfilterToBridges: 'change', isIntact: 'read', remove: 'change' },
  fabric: { read: 'read', readLinks: 'read', changedByOthers: 'read', apply: 'each' },
  nftables: { read: 'read', replace: 'change', prepare: 'read', apply: 'change', generation: 'read', traffic: 'read' },
  sandboxes: { find: 'read', give: 'change', setMtu: 'change' },
  conntrack: { list: 'read', remove: 'each' },
  host: { read: 'read', apply: 'each', foreignRoutes: 'read', hasChanged: 'read' },
  ports: { hold: 'change', release: 'change' },
  hostFlows: { list: 'read', remove: 'each' },
  docker: { createNetwork: 'change', removeNetwork: 'change', listNetworks: 'read', listEndpoints: 'read' },
  addresses: { requestPool: 'change', openPool: 'change', releasePool: 'change', requestAddress: 'change', releaseAddress: 'change' },
  endpoints: {
    createNetwork: 'change',
    createUnnamedNetwork: 'change',
    deleteNetwork: 'change',
    createEndpoint: 'change',
    deleteEndpoint: 'change',
    endpointInfo: 'change',
    join: 'change',
    leave: 'change',
  },
  publications: { publish: 'change', revoke: 'change' },
};

/** After an answer of the plugin's or the API's was handed to the kernel. That it is made, and not yet sent, is the `after` of its method. */
const answered = 'answer.after';

/** The names of all points. */
export function faultPoints(): string[] {
  const changes = Object.entries(methods).flatMap(([port, kinds]) => Object.entries(kinds).flatMap(([method, kind]) => (kind === 'read' ? [] : [`${port}.${method}`])));
  return [...changes.flatMap((name) => [`${name}.before`, `${name}.after`]), answered];
}

export interface Faults {
  /** The port, with its points. */
  around<P extends keyof Ports>(name: P, port: Ports[P]): Ports[P];
  /** The kernel's ports, with theirs. */
  aroundKernel(kernel: Kernel): Kernel;
}

/**
 * @param text `POINT` or `POINT:N`, or several of them with commas between: a point, and at which passage of it netctld dies; the first, unless said.
 * @param die ends the process at the point; does not return.
 * @throws NetctlError `invalid`.
 */
export function openFaults(text: string, die: (point: string) => never): Faults {
  const passage = passages(text, die);
  // Every HTTP server of the process says here when it has handed an answer over.
  subscribe('http.server.response.finish', () => passage(answered));
  const around = <P extends keyof Ports>(name: P, port: Ports[P]): Ports[P] => withPoints(name, port, methods[name], passage);
  return {
    around,
    aroundKernel: (kernel) => Object.fromEntries(Object.entries(kernel).map(([name, port]) => [name, around(name as keyof Kernel, port as Kernel[keyof Kernel])])) as unknown as Kernel,
  };
}

function passages(text: string, die: (point: string) => never): (point: string) => void {
  const left = new Map(text.split(',').map((fault) => passageOf(text, fault)));
  return (point) => {
    const passage = left.get(point);
    if (passage === undefined) return;
    if (passage === 1) die(point);
    left.set(point, passage - 1);
  };
}

function passageOf(text: string, fault: string): [string, number] {
  const [, point, passage] = /^([^:]*)(?::([1-9]\d*))?$/.exec(fault) ?? [];
  if (point !== undefined && faultPoints().includes(point)) return [point, Number(passage ?? 1)];
  throw invalid(`NETCTLD_FAULT is "${text}": it must be the name of a point, or several with commas between, and may say at which passage, as in store.transact.after:3; netctld --fault-points names them`);
}

type Call = (...args: readonly unknown[]) => unknown;

function withPoints<T extends object>(name: string, port: T, kinds: { readonly [M in keyof T]: Kind }, passage: (point: string) => void): T {
  return new Proxy(port, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      // Bound to the port itself: its private fields are not the proxy's.
      const call = (member as Call).bind(target);
      const kind = Reflect.get(kinds, property) as Kind | undefined;
      if (kind === undefined || kind === 'read') return call;
      const guarded = guard(call, `${name}.${String(property)}`, passage);
      return kind === 'each' ? oneByOne(guarded) : guarded;
    },
  });
}

function guard(call: Call, name: string, passage: (point: string) => void): Call {
  return (...args) => {
    passage(`${name}.before`);
    const result = call(...args);
    if (!(result instanceof Promise)) {
      passage(`${name}.after`);
      return result;
    }
    return result.then((value: unknown) => {
      passage(`${name}.after`);
      return value;
    });
  };
}

/** Carries out what the last argument lists, one by one; numbers that come back are counts, and are added. */
function oneByOne(call: Call): Call {
  return async (...args) => {
    const steps = args.at(-1) as readonly unknown[];
    let sum = 0;
    for (const step of steps) {
      const count = await call(...args.slice(0, -1), [step]);
      if (typeof count === 'number') sum += count;
    }
    return sum;
  };
}
