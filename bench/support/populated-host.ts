import { setTimeout } from 'node:timers/promises';
import { openLevelStore } from '../../daemon/store/level.js';
import type { Operation } from '../../daemon/store/port.js';
import { IpAddress } from '../../src/model/address.js';
import { keys } from '../../src/model/keys.js';
import { decodeStored, encodeStored } from '../../src/model/stored.js';
import { monotonic } from './clock.js';
import { Lab } from './lab.js';
import { Netctld } from './netctld.js';
import { nativeTools, type Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Groups of containers, and containers in each: every service has all those of one group as its providers. */
export const [groups, groupSize] = [2, 10];
export const [servicePort, serverPort] = [80, 8000];

/** A lab host with netctld, many services, and a client. */
export interface PopulatedHost {
  readonly lab: Lab;
  readonly netctld: Netctld;
  readonly client: Space;
  /** `address:port` of each service. */
  readonly targets: readonly string[];
  /** Of the one that is to be changed, and one at which there is no service yet. */
  readonly changing: string;
  readonly spare: string;
  /** Creates a service. @param target `address:port` */
  ask(this: void, name: string, target: string, selector: string): Promise<string>;
  /** Waits until a service, the one that is to be changed, has so many. */
  untilProviders(this: void, providers: number, service?: string): Promise<void>;
  /** Ends netctld, and takes all rules out of its router. */
  withoutTables(this: void): Promise<void>;
}

/** The service that is to be changed. Its providers are those with the label who=a, which say `a`. */
export const changing = 'changing';
/** There are containers with these labels who=..., each of which says its letter. The last one was created and does not run. */
export const [first, second, created] = ['a', 'b', 'c'];

const firstAddress = IpAddress.parse('10.2.128.0');
const targetOf = (index: number): string => `${firstAddress.plus(BigInt(index)).toString()}:${servicePort}`;
export const providersOf = (letter: string): string => `who=${letter}`;
export const containerOf = (letter: string): string => `${letter}-server`;
export const serverName = (number: number): string => `server${number}`;
export const serviceName = (index: number): string => `service${index}`;

/**
 * netctld runs when it is made.
 * @param services how many, the one that is to be changed among them.
 */
export async function populatedHost(services: number, teardown: Teardown): Promise<PopulatedHost> {
  const lab = new Lab(1, `s${services}`);
  teardown(() => lab.down());
  await lab.up();
  await lab.exec(1, 'netctl', 'net', 'create', 'front', '-s', '10.1.0.0/24', '-g', '10.1.0.254');
  await lab.exec(1, 'netctl', 'net', 'create', 'back', '-s', '10.2.0.0/16', '-g', '10.2.127.254');
  const client = await lab.container(1, '--net=front');
  await lab.exec(1, 'bash', '-ec', startContainers);
  const netctld = await Netctld.inPlaceOf(lab, teardown);
  await start(netctld);
  const ask: PopulatedHost['ask'] = (serviceName, target, selector) => {
    const [ipAddress] = target.split(':');
    const asked = { tenantName: 'default', serviceName, networkName: 'back', ipAddress, ports: [`${servicePort}:${serverPort}:TCP`], selectors: [selector] };
    return netctld.rest.ask('POST', `/api/v1/serviceLBs/default:${serviceName}/`, asked);
  };
  const targets = Array.from({ length: services }, (_, index) => targetOf(index));
  const own = { changing: targetOf(services - 1), spare: targetOf(services) };
  await ask(changing, own.changing, providersOf(first));
  if (services > 1) {
    await ask(serviceName(0), targetOf(0), 'group=0');
    await netctld.stop();
    await copyServices(`${netctld.root}/var/lib/netctl`, services - 1);
    await start(netctld);
  }
  return {
    ...{ lab, netctld, client, targets, ...own, ask },
    untilProviders: (providers, service = changing) => untilProviders(netctld, service, providers),
    withoutTables: async () => {
      await netctld.stop();
      await lab.exec(1, ...inRouter, 'nft', 'flush', 'ruleset');
    },
  };
}

async function untilProviders({ rest }: Netctld, service: string, providers: number): Promise<void> {
  const deadline = monotonic() + 30_000;
  while (!(await rest.ask('GET', `/api/v1/inspect/serviceLBs/default:${service}/`)).includes(`"numProviders":${providers}`)) {
    if (monotonic() > deadline) throw new Error(`after 30 s the service ${service} does not have ${providers} providers`);
    await setTimeout(5);
  }
}

async function start(netctld: Netctld): Promise<void> {
  netctld.start();
  await netctld.untilReady();
  await netctld.untilAtRest();
}

/** A command in the router of the tenant. */
export const inRouter = ['ip', 'netns', 'exec', 'netctl-default'] as const;

/** Two at a time: Docker starts no more of them per second if it is asked for all at once. */
const startContainers = `
  run() { docker "$1" \${4:-} --net back --label "$2" -v ${nativeTools}:/bench:ro --name "$3" alpine /bench/accept ${serverPort} "\${3:0:1}" >/dev/null; }
  export -f run
  seq 0 ${groups * groupSize - 1} | xargs -P 2 -I{} bash -ec 'run run group=$(({} % ${groups})) server{} -d'
  run run ${providersOf(first)} ${containerOf(first)} -d
  run run ${providersOf(second)} ${containerOf(second)} -d
  run create ${providersOf(created)} ${containerOf(created)}`;

/** In each transaction: an operation for the service, and one for its address. */
const servicesAtOnce = 1000;

/** Makes of the first service so many, in the state of a netctld that does not run: each as if it had been asked for like the first, with the next address and the next group. */
async function copyServices(directory: string, services: number): Promise<void> {
  const store = await openLevelStore(directory);
  try {
    const held = async (key: string): Promise<unknown> => (await store.get(key))?.value;
    const service = decodeStored.service(await held(keys.service('default', serviceName(0))));
    const allocation = decodeStored.allocation(await held(keys.allocation('default', 'back', firstAddress)));
    const operations = Array.from({ length: services }, (_, index): Operation[] => {
      const [name, address] = [serviceName(index), firstAddress.plus(BigInt(index))];
      const selectors = [{ key: 'group', operator: '=', value: String(index % groups) }] as const;
      return [
        { key: keys.service('default', name), put: encodeStored({ ...service, name, selectors, requestedIps: [address], addresses: [address] }) },
        { key: keys.allocation('default', 'back', address), put: encodeStored({ ...allocation, address, owner: { kind: 'service', name } }) },
      ];
    });
    for (let from = 1; from < services; from += servicesAtOnce) {
      await store.transact({ conditions: [], operations: operations.slice(from, from + servicesAtOnce).flat() });
    }
  } finally {
    await store.close();
  }
}
