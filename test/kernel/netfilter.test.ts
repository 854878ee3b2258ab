import '../support/throw-away-host.js';
import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Router, type RouterTarget } from '../../daemon/control/router.js';
import { KernelConntrack } from '../../daemon/kernel/conntrack.js';
import { inNamespace, routerName, routerPath } from '../../daemon/kernel/netns.js';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import type { Nftables } from '../../daemon/kernel/port.js';
import { KernelSandboxes } from '../../daemon/kernel/sandboxes.js';
import { bridgeName, containerLinkName } from '../../src/fabric/names.js';
import { IpAddress, Prefix } from '../../src/model/address.js';
import { inContainer, reaches, startContainer, stopContainer } from '../support/containers.js';
import { Probe } from '../support/probe.js';
import { until } from '../support/until.js';
import { endpoint, fabric, routers, sockets } from './fabric-bed.js';

// Bridge netfilter of the networks of a router of the kernel's: it is there when the first provider answers, stays while connections are open, and
// costs nobody anything where there was never a provider. The client and the provider are in one network, so that nothing but the bridge
// sees the answers.

const tenant = 'blue';
const serviceIp = '10.1.0.100';
const patience = 5_000;
/** A client and a provider in the first network, and two in the second one, which never has a provider. */
const addresses = { c: '10.1.0.1', p: '10.1.0.2', n: '10.2.0.1', m: '10.2.0.2' } as const;
type Name = keyof typeof addresses;
const names = Object.keys(addresses) as Name[];

const vniOf = (name: Name): 1 | 2 => (name === 'n' || name === 'm' ? 2 : 1);
const gatewayOf = (vni: 1 | 2): string => `10.${vni}.0.254`;
const endpointOf = (name: Name): ReturnType<typeof endpoint> => endpoint(names.indexOf(name) + 1, vniOf(name), addresses[name]);
const subnet = (vni: 1 | 2) => ({ prefix: Prefix.parse(`10.${vni}.0.0/24`), gateway: IpAddress.parse(gatewayOf(vni)) });

/** `provided`: a service of the first network has p as its provider; `deserted`: it has none; `deleted`: there is no service. */
function target(state: 'provided' | 'deserted' | 'deleted'): RouterTarget {
  const ip = IpAddress.parse(serviceIp);
  const providers = state === 'provided' ? [{ addresses: [IpAddress.parse(addresses.p)] }] : [];
  const services = state === 'deleted' ? [] : (['tcp', 'udp'] as const).map((protocol) => ({ addresses: [ip], ports: [{ protocol, port: 80, targetPort: 8080 }], providers }));
  return {
    fabric: {
      networks: ([1, 2] as const).map((vni) => ({ vni, subnets: [subnet(vni)], ...(vni === 1 && state === 'provided' ? { netfilter: true as const } : {}) })),
      endpoints: names.map(endpointOf),
      serviceAddresses: state === 'deleted' ? [] : [ip],
    },
    nat: { networks: ([1, 2] as const).map((vni) => ({ bridge: bridgeName(vni), ipv4: subnet(vni) })), services },
    joining: new Set(names.map((name) => endpointOf(name).id)),
    containers: new Map(),
    living: { addresses: Object.values(addresses).map((text) => IpAddress.parse(text)), services },
  };
}

/** A router, its containers, and what runs in them. */
class Bed {
  private readonly probes = new Map(names.map((name) => [name, undefined as Probe | undefined]));
  /** Is called when the rules lead elsewhere, before anything else is done. */
  ruled: () => Promise<void> = () => Promise.resolve();
  router = this.netctld();

  static async start(t: Test): Promise<Bed> {
    const bed = new Bed();
    t.teardown(() => bed.stop());
    await bed.router.reconcile(target('deserted'));
    for (const name of names) {
      await startContainer(name, containerLinkName(endpointOf(name).id), `${addresses[name]}/24`, gatewayOf(vniOf(name)));
      bed.probes.set(name, new Probe(name));
      for (const protocol of ['tcp', 'udp'] as const) await bed.probe(name).do({ do: 'serve', name, protocol, port: 8080 });
    }
    return bed;
  }

  /** Another life of netctld, which knows nothing of the one before. */
  netctld(): Router {
    const nftables: Nftables = new KernelNftables();
    const apply = nftables.apply.bind(nftables);
    nftables.apply = async (tenant, change) => {
      await apply(tenant, change);
      await this.ruled();
    };
    this.router = new Router(tenant, { routers, fabric, nftables, sandboxes: new KernelSandboxes(sockets), conntrack: new KernelConntrack() });
    return this.router;
  }

  probe(name: Name): Probe {
    const probe = this.probes.get(name);
    if (!probe) throw new Error(`${name} was not started`);
    return probe;
  }

  ask(from: Name, address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<string> {
    return this.probe(from).do({ do: 'ask', protocol, address, port, patience });
  }

  say(from: Name, connection: number): Promise<string> {
    return this.probe(from).do({ do: 'say', connection, patience });
  }

  open(from: Name, connection: number, address: string, port: number): Promise<string> {
    return this.probe(from).do({ do: 'open', connection, address, port, patience });
  }

  private async stop(): Promise<void> {
    for (const probe of this.probes.values()) await probe?.kill();
    for (const name of names) await stopContainer(name);
    await routers.remove(tenant);
  }
}

async function netfilter(): Promise<(boolean | undefined)[]> {
  const { links } = await fabric.read(tenant);
  return ([1, 2] as const).map((vni) => {
    const link = links.get(bridgeName(vni));
    return link?.kind === 'bridge' ? link.netfilter : undefined;
  });
}

const inRouter = (work: () => void): void => inNamespace(routerPath(tenant), work);
/** How many connections of the protocol the router knows. */
async function tracked(protocol: 'tcp' | 'icmp'): Promise<number> {
  return (await inContainer(routerName(tenant), 'sh', '-c', `conntrack -L -p ${protocol} 2>/dev/null`)).split('\n').filter((line) => line !== '').length;
}

/** How many TCP segments the container has received. */
async function received(name: Name): Promise<number> {
  const [keys = '', values = ''] = (await inContainer(name, 'cat', '/proc/net/snmp')).split('\n').filter((line) => line.startsWith('Tcp: '));
  return Number(values.split(' ')[keys.split(' ').indexOf('InSegs')]);
}

t.test('the first connection that goes to the first provider is answered by the service, as are those of a client that never stops asking', async (t) => {
  const bed = await Bed.start(t);
  t.same(await netfilter(), [false, false]);
  const words: string[] = [];
  const answer = `p ${addresses.c}`;
  let done = false;
  const asking = (async () => {
    while (!done || !words.includes(answer)) words.push(...(JSON.parse(await bed.probe('c').do({ do: 'survey', protocol: 'tcp', address: serviceIp, port: 80, times: 50, sources: [], patience })) as string[]));
  })();
  const first: string[] = [];
  bed.ruled = async () => {
    for (const protocol of ['tcp', 'udp'] as const) first.push(await bed.ask('c', serviceIp, 80, protocol));
  };
  await bed.router.reconcile(target('provided'));
  done = true;
  await asking;
  t.same(first, [answer, answer], 'the moment that the rules lead there');
  t.same([...new Set(words)], ['refused', answer], 'before and after');
  t.ok(words.lastIndexOf('refused') < words.indexOf(answer) + 16, 'none is refused later; 16 ask at a time');
  t.same(await netfilter(), [true, false]);
});

t.test('it stays while connections live: the service is deleted, netctld starts again, a bridge is taken away', async (t) => {
  const bed = await Bed.start(t);
  await bed.router.reconcile(target('provided'));
  t.equal(await bed.open('c', 1, serviceIp, 80), `p ${addresses.c}`);
  await bed.router.reconcile(target('deleted'));
  t.same(await netfilter(), [true, false]);
  t.equal(await bed.say('c', 1), `p ${addresses.c}`, 'the service is deleted');
  await fabric.apply(tenant, [{ action: 'setNetfilter', name: bridgeName(1), netfilter: false }]);
  bed.router.doubt();
  t.match(await bed.router.reconcile(target('deleted')), { drift: { link: 1 } });
  t.equal(await bed.say('c', 1), `p ${addresses.c}`, 'somebody turned it off');
  await bed.netctld().reconcile(target('deleted'));
  t.same(await netfilter(), [true, false]);
  t.equal(await bed.say('c', 1), `p ${addresses.c}`, 'netctld starts again');
  await fabric.apply(tenant, [{ action: 'deleteLink', name: bridgeName(1) }]);
  bed.router.doubt();
  await bed.router.reconcile(target('deleted'));
  t.same(await netfilter(), [true, false]);
  t.equal(await bed.say('c', 1), `p ${addresses.c}`, 'the bridge was deleted');
});

t.test('a router of an older version keeps what its connections need', async (t) => {
  const bed = await Bed.start(t);
  await bed.router.reconcile(target('provided'));
  t.equal(await bed.open('c', 1, serviceIp, 80), `p ${addresses.c}`);
  await bed.router.reconcile(target('deleted'));
  for (const name of ['iptables', 'ip6tables']) inRouter(() => writeFileSync(`/proc/sys/net/bridge/bridge-nf-call-${name}`, '1'));
  await fabric.apply(tenant, [{ action: 'setNetfilter', name: bridgeName(1), netfilter: false }]);
  t.equal(await bed.say('c', 1), `p ${addresses.c}`, 'as it was with that version');
  await bed.netctld().reconcile(target('deleted'));
  t.equal(routers.isNetfilterWithBridges(tenant), true);
  t.same(await netfilter(), [true, false]);
  t.equal(await bed.say('c', 1), `p ${addresses.c}`);
});

t.test('connections between containers from before the first provider go on, and end', async (t) => {
  const bed = await Bed.start(t);
  for (const connection of [1, 2, 3]) t.equal(await bed.open('c', connection, addresses.p, 8080), `p ${addresses.c}`);
  t.equal(await tracked('tcp'), 0, 'nobody looks at them');
  await bed.router.reconcile(target('provided'));
  t.equal(await bed.say('c', 1), `p ${addresses.c}`);
  t.equal(await tracked('tcp'), 1, 'now somebody does');
  t.equal(await bed.probe('c').do({ do: 'end', connection: 1, patience }), 'ended');
  t.equal(await bed.probe('c').do({ do: 'end', connection: 2, patience }), 'ended', 'one that said nothing since');
  await bed.probe('p').kill();
  const open = (): Promise<string> => inContainer('c', 'ss', '-Htn', 'state', 'established', 'dst', addresses.p);
  await until('the other side has ended one', async () => (await open()) === '');
});

t.test('in a network without providers nothing is tracked, large packets pass, and who forges a source gets nothing by it', async (t) => {
  const bed = await Bed.start(t);
  await bed.router.reconcile(target('provided'));
  t.equal(await bed.ask('n', serviceIp, 80), `p ${addresses.n}`, 'the service, from there');
  t.equal(await bed.ask('n', serviceIp, 80, 'udp'), `p ${addresses.n}`);
  const before = await tracked('tcp');
  t.ok(await reaches('n', addresses.m));
  t.equal(await bed.ask('n', addresses.m, 8080), `m ${addresses.n}`);
  for (const [from, to] of [['n', addresses.m], ['c', addresses.p]] as const) await inContainer(from, 'busybox', 'ping', '-c', '1', '-W', '5', '-s', '4000', to);
  t.same([await tracked('tcp'), await tracked('icmp')], [before, 1], 'nothing but the ping from c to p');
  await inContainer('n', 'ip', 'address', 'add', `${addresses.c}/32`, 'dev', 'lo');
  const segments = await received('c');
  t.equal(await bed.probe('n').do({ do: 'survey', protocol: 'tcp', address: serviceIp, port: 80, times: 1, sources: [addresses.c], patience: 500 }), '["silence"]');
  t.equal(await received('c'), segments, 'nothing is answered to whose address it is');
});
