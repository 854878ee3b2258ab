import type { Host } from './lab.js';
import { runClient } from './servers.js';

/** The same four networks in one family of addresses or in both: what is true of one is true of the others. */
export interface World {
  readonly name: string;
  readonly tenant: string;
  /** Over which the tests speak. */
  readonly family: 4 | 6;
  /** Flags of `netctl net create`. */
  readonly subnets: Readonly<Record<NetworkName, readonly string[]>>;
  /** Service IPs on `plain` and on `routed`. */
  readonly serviceIps: Readonly<Record<'plain' | 'routed', string>>;
  /** Of network blue, where the providers are. */
  readonly gateway: string;
}

/** `plain` has no gateway. */
export type NetworkName = 'plain' | 'routed' | 'blue' | 'green';

const subnets4 = { plain: ['-s', '100.1.1.0/24'], routed: ['-s', '100.1.2.0/24', '-g', '100.1.2.254'], blue: ['-s', '10.1.1.0/24', '-g', '10.1.1.254'], green: ['-s', '11.1.1.0/24', '-g', '11.1.1.254'] };

const subnets6 = {
  plain: ['-s6', '2001:db8:a::/64'],
  routed: ['-s6', '2001:db8:b::/64', '-g6', '2001:db8:b::ff'],
  blue: ['-s6', '2001:db8:1::/64', '-g6', '2001:db8:1::ff'],
  green: ['-s6', '2001:db8:2::/64', '-g6', '2001:db8:2::ff'],
};

const over6 = { family: 6, serviceIps: { plain: '2001:db8:a::99', routed: '2001:db8:b::99' }, gateway: '2001:db8:1::ff' } as const;

export const ipv4World: World = { name: 'v4', tenant: 'default', family: 4, subnets: subnets4, serviceIps: { plain: '100.1.1.1', routed: '100.1.2.1' }, gateway: '10.1.1.254' };
export const ipv6World: World = { ...over6, name: 'v6', tenant: 'six', subnets: subnets6 };
export const dualWorld: World = {
  ...over6,
  name: 'dual',
  tenant: 'dual',
  subnets: {
    plain: [...subnets4.plain, ...subnets6.plain],
    routed: [...subnets4.routed, ...subnets6.routed],
    blue: [...subnets4.blue, ...subnets6.blue],
    green: [...subnets4.green, ...subnets6.green],
  },
};

/** A world on a host: its tenant and networks, and names of containers that no other world has. */
export class Place {
  constructor(
    readonly host: Host,
    readonly world: World,
  ) {}

  async make(...networks: readonly NetworkName[]): Promise<void> {
    if (this.world.tenant !== 'default') await this.netctl('tenant', 'create', this.world.tenant);
    for (const name of networks) await this.host.netctl('net', 'create', name, '-t', this.world.tenant, ...this.world.subnets[name]);
  }

  netctl(...args: string[]): Promise<string> {
    return this.host.netctl(...args);
  }

  service(name: string, network: NetworkName, ip: string, ...flags: string[]): Promise<string> {
    return this.netctl('service', 'create', name, '-t', this.world.tenant, '-s', network, '-ip', ip, '-l', 'tier=web', ...flags);
  }

  /** Docker's name of a network. */
  network(name: NetworkName): string {
    return this.world.tenant === 'default' ? name : `${name}/${this.world.tenant}`;
  }

  container(name: string): string {
    return `${this.world.name}-${name}`;
  }

  run(name: string, network: NetworkName, ...options: string[]): Promise<void> {
    return runClient(this.host, this.container(name), this.network(network), ...options);
  }

  /** Of the family over which the tests speak. */
  addressOf(name: string): Promise<string> {
    const field = this.world.family === 4 ? 'IPAddress' : 'GlobalIPv6Address';
    return this.host.docker('inspect', '--format', `{{range .NetworkSettings.Networks}}{{.${field}}}{{end}}`, this.container(name));
  }

  inside(name: string, script: string): ReturnType<Host['inside']> {
    return this.host.inside(this.container(name), script);
  }
}
