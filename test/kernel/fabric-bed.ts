import t from 'tap';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { diffFabric } from '../../src/fabric/diff.js';
import type { FabricEndpoint, FabricInput, FabricState } from '../../src/fabric/state.js';
import { IpAddress, Mac, Prefix } from '../../src/model/address.js';
import { endpointId } from '../unit/fabric/arbitraries.js';

// The kernel's routers on a throw-away host, and what the tests put into them.

export const sockets = new RtnetlinkSockets();
export const routers = new KernelRouters(sockets);
export const fabric = new KernelFabric(sockets);
t.teardown(() => sockets.close());

/** Applies what differs, and returns how many steps that took. */
export async function reconcile(tenant: string, desired: FabricState): Promise<number> {
  const steps = diffFabric(desired, await fabric.read(tenant));
  await fabric.apply(tenant, steps);
  return steps.length;
}

const ip = (text: string): IpAddress => IpAddress.parse(text);

/** Its MAC address is that of its first address. */
export function endpoint(number: number, vni: number, ...addresses: [string, ...string[]]): FabricEndpoint {
  return { id: endpointId(number), vni, addresses: addresses.map(ip), mac: Mac.fromIp(ip(addresses[0])) };
}

/** A network with gateways and two containers, one without and a container, and a service address in each. */
export const sampleInput: FabricInput = {
  networks: [
    { vni: 1, subnets: [{ prefix: Prefix.parse('10.1.0.0/24'), gateway: ip('10.1.0.254') }, { prefix: Prefix.parse('fd00:1::/64'), gateway: ip('fd00:1::ff') }] },
    { vni: 2, subnets: [{ prefix: Prefix.parse('10.2.0.0/24') }] },
  ],
  endpoints: [endpoint(1, 1, '10.1.0.1', 'fd00:1::1'), endpoint(2, 1, '10.1.0.2', 'fd00:1::2'), endpoint(3, 2, '10.2.0.3')],
  serviceAddresses: [ip('10.1.0.9'), ip('10.2.0.9'), ip('fd00:1::9')],
};
