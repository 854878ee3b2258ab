import type { RouterTarget } from '../../../daemon/control/router.js';
import { FakeConntrack } from '../../../daemon/kernel/conntrack-fake.js';
import { FakeFabric } from '../../../daemon/kernel/fabric-fake.js';
import { FakeHostNetwork } from '../../../daemon/kernel/host-fake.js';
import { FakeHostFlows } from '../../../daemon/kernel/host-flows-fake.js';
import { FakeHostPorts } from '../../../daemon/kernel/host-ports-fake.js';
import { FakeNftables } from '../../../daemon/kernel/nftables-fake.js';
import type { Kernel } from '../../../daemon/kernel/port.js';
import { FakeRouters } from '../../../daemon/kernel/routers-fake.js';
import { FakeSandboxes } from '../../../daemon/kernel/sandboxes-fake.js';
import { bridgeName } from '../../../src/fabric/names.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';

export const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
const ipv4 = { prefix: Prefix.parse('10.1.1.0/24'), gateway: IpAddress.parse('10.1.1.254') };
const serviceIp = IpAddress.parse('10.1.1.100');
export const addressOf = (id: string): IpAddress => IpAddress.parse(`10.1.1.${ids.indexOf(id) + 1}`);

/** A router with one network, these endpoints, and a service over them all. */
export function target(endpoints: readonly string[], options: { joining?: readonly string[]; running?: readonly string[]; dockerKnown?: boolean } = {}): RouterTarget {
  const services = [{ addresses: [serviceIp], ports: [{ port: 80, targetPort: 80, protocol: 'tcp' as const }], providers: endpoints.map((id) => ({ addresses: [addressOf(id)] })) }];
  return {
    fabric: {
      networks: [{ vni: 1, subnets: [ipv4] }],
      endpoints: endpoints.map((id) => ({ id, vni: 1, addresses: [addressOf(id)], mac: Mac.fromIp(addressOf(id)) })),
      serviceAddresses: [serviceIp],
    },
    nat: { networks: [{ bridge: bridgeName(1), ipv4 }], services },
    joining: new Set(options.joining ?? endpoints),
    containers: new Map((options.running ?? []).map((id) => [id, { sandboxKey: id, link: { mac: Mac.fromIp(addressOf(id)), addresses: [{ address: addressOf(id), length: 24 }], gateways: [] } }])),
    ...(options.dockerKnown === false ? {} : { living: { addresses: endpoints.map(addressOf), services } }),
  };
}

/** A kernel that writes down in which order it is changed and read, and refuses steps that a test names. */
export function bed(): { kernel: Kernel; sandboxes: FakeSandboxes; fabric: FakeFabric; nftables: FakeNftables; done: string[]; reads: string[]; refuse: Set<string> } {
  const routers = new FakeRouters();
  const fabric = new FakeFabric(routers);
  const nftables = new FakeNftables(routers);
  const sandboxes = new FakeSandboxes();
  const done: string[] = [];
  const reads: string[] = [];
  const refuse = new Set<string>();
  const kernel: Kernel = {
    routers,
    fabric: {
      read: (tenant) => (reads.push('links'), fabric.read(tenant)),
      readLinks: (tenant) => (reads.push('ports'), fabric.readLinks(tenant)),
      changedByOthers: (tenant) => fabric.changedByOthers(tenant),
      async apply(tenant, steps) {
        for (const step of steps) {
          const link = 'link' in step ? step.link.name : '';
          if (refuse.has(link)) throw new Error(`${step.action} ${link} is refused`);
          done.push(step.action);
          await fabric.apply(tenant, [step]);
        }
      },
    },
    nftables: {
      read: (tenant) => (reads.push('rules'), nftables.read(tenant)),
      replace: (tenant, state) => (done.push('replace'), nftables.replace(tenant, state)),
      prepare: () => nftables.prepare(),
      apply: (tenant, change) => (done.push('rules'), nftables.apply(tenant, change)),
      generation: (tenant) => nftables.generation(tenant),
      traffic: (tenant) => nftables.traffic(tenant),
    },
    sandboxes,
    conntrack: new FakeConntrack(routers),
    host: new FakeHostNetwork(fabric),
    ports: new FakeHostPorts(),
    hostFlows: new FakeHostFlows(),
  };
  return { kernel, sandboxes, fabric, nftables, done, reads, refuse };
}

export async function providersIn(nftables: FakeNftables): Promise<string[]> {
  const state = await nftables.read('blue');
  if (typeof state === 'string') return [state];
  return [...state.ip.ports.values()].flatMap(({ slots }) => slots.map(({ address }) => address.toString())).toSorted();
}
