import { namespace } from './namespace.js';
import type { Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** The place of one contender: a client, a router, and servers, each in a namespace of its own and with a link of its own to the router. All places are alike, with the same addresses. */
export interface Site {
  readonly client: Space;
  /** What balances, if anything does, is here. */
  readonly router: Space;
  /** The file that holds the router's namespace. */
  readonly routerPath: string;
  readonly servers: readonly Space[];
}

/** On no link: what is sent there comes to the router. */
export const serviceNetwork = '10.96.0.0/16';
export const serviceAddress = '10.96.0.1';
export const serverAddress = (server: number): string => `10.80.${server + 1}.2`;
/** The router's link to the client, and to the server of that number. */
export const clientLink = 'client';
export const serverLink = (server: number): string => `server${server}`;

/** @param name short, and of letters and digits: it becomes a part of the namespaces' names. */
export async function makeSite(name: string, servers: number, teardown: Teardown): Promise<Site> {
  const router = await namespace(`${name}-router`, teardown);
  await router.space.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
  await router.space.ip('link set lo up');
  const client = await attach(router.space, await namespace(`${name}-client`, teardown), clientLink, '10.80.0');
  const made: Space[] = [];
  for (let server = 0; server < servers; server += 1) {
    made.push(await attach(router.space, await namespace(`${name}-${server}`, teardown), serverLink(server), `10.80.${server + 1}`));
  }
  return { client, router: router.space, routerPath: `/run/netns/${router.name}`, servers: made };
}

async function attach(router: Space, { name, space }: { readonly name: string; readonly space: Space }, link: string, prefix: string): Promise<Space> {
  await router.ip(`link add ${link} type veth peer name eth0 netns ${name}
link set ${link} up
address add ${prefix}.1/24 dev ${link}`);
  await space.ip(`link set lo up
link set eth0 up
address add ${prefix}.2/24 dev eth0
route add default via ${prefix}.1`);
  return space;
}
