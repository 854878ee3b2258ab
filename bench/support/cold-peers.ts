import type { BenchService } from '../peers/service.js';
import { launchServer } from './connections.js';
import type { Peer } from './peers.js';
import { childrenSeconds, familySeconds } from './processor-time.js';
import { makeSite } from './site.js';
import type { Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Somebody who balances, and can do it from nothing again and again. */
export interface ColdStart {
  readonly client: Space;
  /** `address:port` of each service. */
  readonly targets: readonly string[];
  /** Seconds of processor time that he has taken until now. */
  processorSeconds(): number;
  /** Sees to it that there is nothing. */
  prepare?(): Promise<void>;
  /** From nothing on. Answers as soon as all is begun. @returns what ends it, so that there is nothing again. */
  begin(): Promise<() => Promise<unknown>>;
}

const [serverPort, servicePort] = [8000, 80];
/** Providers of each service, and groups of these: services have the same as those of its group. */
const [providers, groups] = [10, 4];

/** The addresses of providers are all those of one server, which has them besides its own. */
const providerAddress = (number: number): string => `10.80.1.${10 + number}`;

/**
 * A peer in a place of its own, with that many services.
 * @param name a part of the namespaces' names.
 */
export async function coldPeer(name: string, peer: Peer, services: number, teardown: Teardown): Promise<ColdStart> {
  const site = await makeSite(name, 1, teardown);
  const [server] = site.servers;
  if (!server) throw new Error(`the place ${name} has no server`);
  await server.ip(Array.from({ length: groups * providers }, (_, number) => `address add ${providerAddress(number)}/24 dev eth0`).join('\n'));
  teardown((await launchServer(server, serverPort, 'a')).end);
  const all = Array.from({ length: services }, (_, index) => serviceOf(index));
  const begin = await peer(all, teardown);
  return {
    client: site.client,
    targets: all.map(({ address, port }) => `${address}:${port}`),
    // Some are programs that end when all is done, and others go on.
    processorSeconds: () => site.router.processes().reduce((sum, process) => sum + familySeconds(process), childrenSeconds()),
    begin: async () => {
      const works: (() => Promise<unknown>)[] = [];
      await begin(site.router, (work) => works.push(work));
      return async () => {
        for (const work of works) await work();
        await site.router.run(['nft', 'flush', 'ruleset']);
      };
    },
  };
}

function serviceOf(index: number): BenchService {
  const from = (index % groups) * providers;
  return {
    address: `10.96.${Math.floor(index / 256)}.${index % 256}`,
    port: servicePort,
    providers: Array.from({ length: providers }, (_, number) => ({ address: providerAddress(from + number), port: serverPort })),
  };
}
