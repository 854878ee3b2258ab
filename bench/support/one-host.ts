import type { Lab } from './lab.js';
import { namespace } from './namespace.js';
import type { Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** A service of netctl's on a lab host, as a user has it. */
export interface NetctlService {
  readonly client: Space;
  readonly servers: readonly Space[];
  readonly address: string;
}

/**
 * A client in one network of netctl's and servers in another, with a service in front of them.
 * @param ports of the service, as `netctl service create -p` takes them.
 */
export async function netctlService(lab: Lab, servers: number, ports: readonly string[]): Promise<NetctlService> {
  const { client, address } = await serviceWithoutProviders(lab, ports);
  const made: Space[] = [];
  for (let server = 0; server < servers; server += 1) made.push(await bareContainer(lab, ...asProvider));
  await lab.untilServed(servers);
  return { client, servers: made, address };
}

/** What makes a container a provider of the service. */
export const asProvider = ['--net=back', '--label=bench=server'] as const;

/** The client and the service only. */
export async function serviceWithoutProviders(lab: Lab, ports: readonly string[]): Promise<Pick<NetctlService, 'client' | 'address'>> {
  await lab.exec(1, 'netctl', 'net', 'create', 'front', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await lab.exec(1, 'netctl', 'net', 'create', 'back', '-s', '10.1.2.0/24', '-g', '10.1.2.254');
  const created = await lab.exec(1, 'netctl', 'service', 'create', 'bench', '-s', 'back', '-l', 'bench=server', ...ports.flatMap((each) => ['-p', each]));
  return { client: await bareContainer(lab, '--net=front'), address: /Service IP: (\S+)/.exec(created)?.[1] ?? '' };
}

/** A client in the network of the servers. */
export function neighbourOf(lab: Lab): Promise<Space> {
  return bareContainer(lab, '--net=back');
}

/** Docker puts rules for its DNS into containers, which have connections tracked there. Without these the ends are as lean as those of all other contenders. */
async function bareContainer(lab: Lab, ...options: string[]): Promise<Space> {
  const container = await lab.container(1, ...options);
  await container.run(['nft', 'flush', 'ruleset']);
  return container;
}

/** Servers and a client on one bridge network of Docker's own. */
export interface Bridged {
  readonly client: Space;
  readonly servers: readonly Space[];
}

export const bridgedAddress = (server: number): string => `10.78.0.${server + 10}`;

export async function bridgedContainers(lab: Lab, servers: number): Promise<Bridged> {
  await lab.exec(1, 'docker', 'network', 'create', '--subnet=10.78.0.0/24', 'bridged');
  const made: Space[] = [];
  for (let server = 0; server < servers; server += 1) made.push(await bareContainer(lab, '--net=bridged', `--ip=${bridgedAddress(server)}`));
  return { client: await bareContainer(lab, '--net=bridged'), servers: made };
}

/** Containers on Docker's own bridge, each with a published port, and a client outside of the host. */
export interface Published {
  readonly client: Space;
  readonly servers: readonly Space[];
  /** `address:port` of the host, for each container. */
  readonly targets: readonly string[];
}

/** @param port of the containers. */
export async function publishedContainers(lab: Lab, servers: number, port: number, teardown: Teardown): Promise<Published> {
  const made: Space[] = [];
  for (let server = 0; server < servers; server += 1) made.push(await lab.container(1, '-p', `${port + 1 + server}:${port}`));
  const { name, space: client } = await namespace('docker-client', teardown);
  await lab.host(1).space.ip(`link add bench type veth peer name eth0 netns ${name}\nlink set bench up\naddress add 10.79.0.1/24 dev bench`);
  await client.ip('link set lo up\nlink set eth0 up\naddress add 10.79.0.2/24 dev eth0');
  return { client, servers: made, targets: made.map((_, server) => `10.79.0.1:${port + 1 + server}`) };
}
