import { setImmediate } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import { NetctlError, unavailable } from '../../src/model/errors.js';
import { isAbout, type FlowsAbout } from '../../src/nat/flows.js';
import type { Flow } from '../../src/nat/input.js';
import { FlowDecoder, listQuestion, removalOf, type ListPart, type NumberedFlow } from './conntrack-octets.js';
import { readOwn16, readOwn32 } from './netlink-reader.js';
import { routerPath } from './netns.js';
import { dumpAll, headerLength, NLMSG_ERROR } from './nfnetlink-dump.js';
import { NfnetlinkSockets } from './nfnetlink-sockets.js';
import { askInThread, enlargeReceiveBuffer, takeAnswer } from './nfnetlink.js';
import type { Conntrack } from './port.js';

/** For each end that is asked for, the kernel goes through all connections: of more ends than this all are listed at once, and looked through here. */
const mostEnds = 16;
/** What fits into what a socket sends at once, 212,992 octets. For each of these another thread has its turn, which on a busy machine takes longer than the work. */
const removedAtOnce = 1000;
/** The kernel may answer each with a message, all of which wait to be received: a kilobyte each. */
const receiveBuffer = 2_097_152;
/** Of one refusal, with the message that it is about. */
const answerSize = 1024;

/** A router's connections, by netlink. */
export class KernelConntrack implements Conntrack {
  /** @param namespaceOf the file that holds a tenant's router. */
  constructor(
    private readonly namespaceOf: (tenant: string) => string = routerPath,
    private readonly sockets = new NfnetlinkSockets(),
  ) {}

  async list(tenant: string, about?: FlowsAbout): Promise<Flow[]> {
    return (await this.#list(tenant, about)).map(({ flow }) => flow);
  }

  async remove(tenant: string, flows: readonly Flow[]): Promise<number> {
    if (flows.length === 0) return 0;
    const doomed = new Set(flows.map(identityOf));
    const providers = new Map(flows.map(({ provider: { address } }) => [address.toString(), address]));
    const found = await this.#list(tenant, { providers: [...providers.values()], services: [] });
    const numbered = found.filter(({ flow }) => doomed.has(identityOf(flow)));
    let removed = 0;
    for (let start = 0; start < numbered.length; start += removedAtOnce) {
      removed += await this.#remove(tenant, numbered.slice(start, start + removedAtOnce));
      // There may be a hundred thousand.
      await setImmediate();
    }
    return removed;
  }

  async #list(tenant: string, about?: FlowsAbout): Promise<NumberedFlow[]> {
    if (!about) return this.#dump(tenant);
    const lists = await Promise.all(partsOf(about).map((part) => this.#dump(tenant, part)));
    // A kernel that does not know how to limit a list sends all; and one that has two of the ends is in two lists.
    return [...new Map(lists.flatMap((list) => flowsAbout(list, about)).map((each) => [identityOf(each.flow), each])).values()];
  }

  async #dump(tenant: string, part?: ListPart): Promise<NumberedFlow[]> {
    const decoder = new FlowDecoder();
    const dumped = await this.sockets.use(this.namespaceOf(tenant), (socket) => dumpAll(socket, listQuestion(part), (octets) => decoder.take(octets)));
    // What is not said to be all is not taken for it: the next pass asks again.
    if (dumped !== 'whole') throw unavailable(`the connections in the router of tenant ${tenant} could not be listed: the list was broken off`);
    return decoder.flows;
  }

  /** Returns how many there were. */
  #remove(tenant: string, flows: readonly NumberedFlow[]): Promise<number> {
    return this.sockets.use(this.namespaceOf(tenant), async (socket) => {
      enlargeReceiveBuffer(socket, receiveBuffer);
      await askInThread(socket, removalOf(flows));
      const refusals = takeRefusals(socket);
      const other = refusals.find((errno) => errno !== 'ENOENT');
      if (other !== undefined) throw new NetctlError('internal', `the kernel would not forget a connection in the router of tenant ${tenant}: ${other}`);
      return flows.length - refusals.length;
    });
  }
}

/** The lists in which all of these are. */
function partsOf({ providers, services }: FlowsAbout): ListPart[] {
  const ends: ListPart[] = [];
  for (const provider of providers) if (provider.family === 4) ends.push({ provider });
  for (const service of services) if (service.family === 4) ends.push({ service });
  const ipv4: ListPart[] = ends.length > mostEnds ? [{ family: 4 }] : ends;
  return [...providers, ...services].some(({ family }) => family === 6) ? [...ipv4, { family: 6 }] : ipv4;
}

function flowsAbout(list: readonly NumberedFlow[], about: FlowsAbout): NumberedFlow[] {
  const isAsked = isAbout(about);
  return list.filter(({ flow }) => isAsked(flow));
}

function identityOf({ protocol, client, service, provider }: Flow): string {
  return [protocol, ...[client, service, provider].flatMap(({ address, port }) => [address.toString(), port])].join(' ');
}

/** Why connections were not forgotten, of each that was not; all answers are there. */
function takeRefusals(socket: number): string[] {
  const answer = Buffer.alloc(answerSize);
  const refusals: string[] = [];
  for (let length = takeAnswer(socket, answer); length > 0; length = takeAnswer(socket, answer)) {
    const error = readOwn16(answer, 4) === NLMSG_ERROR ? readOwn32(answer, headerLength) | 0 : 0;
    if (error !== 0) refusals.push(getSystemErrorName(error));
  }
  return refusals;
}
