import '../support/throw-away-host.js';
import t, { type Test } from 'tap';
import { routerName } from '../../daemon/kernel/netns.js';
import { inContainer } from '../support/containers.js';
import { comparable } from '../unit/fabric/arbitraries.js';
import { addressOf, countIncoming, hosts, namespaceOf, OverlayBed, providers, serviceIp, setUnderlayMtu, underlayOf, type ContainerName, type HostName } from './overlay-bed.js';

// Segments that go on at other hosts: the real routers, rules and tables on three hosts, and packets between them.

const bed = new OverlayBed();
t.before(() => bed.start());

const families = [4, 6] as const;
const inRouter = (host: HostName, ...command: string[]): Promise<string> => inContainer(routerName(`blue-${host}`), ...command);

/** How many packets more there were meanwhile. */
async function during(count: () => Promise<number>, work: () => Promise<unknown>): Promise<number> {
  const before = await count();
  await work();
  return (await count()) - before;
}

t.test('the kernel holds the plan', async (t) => {
  for (const host of hosts) {
    for (const tenant of ['blue', 'red'] as const) t.same(comparable(await bed.read(host, tenant)), comparable(bed.plan(host, tenant)), `${tenant} on ${host}`);
  }
  t.match(await inContainer('h1', 'ss', '-Huln', 'sport = :4789'), /:4789/, 'the socket is where the underlay is');
  t.equal(await inRouter('h1', 'ss', '-Huln'), '');
});

t.test('containers of a network reach each other on other hosts, and see each other’s addresses', async (t) => {
  for (const family of families) {
    for (const protocol of ['tcp', 'udp'] as const) {
      t.equal(await bed.ask('a1', protocol, addressOf('a2', family), 8080), `a2 ${addressOf('a1', family)}`);
      t.equal(await bed.ask('b3', protocol, addressOf('b1', family), 8080), `b1 ${addressOf('b3', family)}`);
    }
  }
});

t.test('every provider on every host is used from every host, in turn, and sees who the client is', async (t) => {
  for (const client of ['a1', 'b2', 'b3'] as const) {
    for (const family of families) {
      for (const protocol of ['tcp', 'udp'] as const) {
        const words = await bed.survey(client, protocol, serviceIp[family], 80, 8);
        const expected = providers.flatMap((provider) => Array<string>(2).fill(`${provider} ${sourceSeen(client, provider, family)}`));
        t.same(words.toSorted(), expected.toSorted(), `${client} ${protocol} IPv${family}`);
      }
    }
  }
});

/** A provider that calls itself sees the gateway of its network. */
function sourceSeen(client: ContainerName, provider: ContainerName, family: 4 | 6): string {
  if (client !== provider) return addressOf(client, family);
  return family === 4 ? '10.2.0.254' : 'fd00:2::ff';
}

t.test('tenants with the same subnets stay apart', async (t) => {
  t.equal(await bed.ask('r1', 'tcp', addressOf('r2', 4), 8080), 'r2 10.1.0.1');
  t.equal(await bed.ask('a1', 'tcp', addressOf('a2', 4), 8080), 'a2 10.1.0.1');
});

t.test('who asks for an address that is known is answered on its own host', async (t) => {
  const questions = ['ether type arp', 'ip6 saddr fd00::/8 icmpv6 type nd-neighbor-solicit'];
  const counts = await Promise.all(questions.map((question) => countIncoming(routerName('blue-h2'), 'vx1', question)));
  for (const [index, family] of families.entries()) {
    for (const address of [family === 4 ? '10.1.0.254' : 'fd00:1::ff', serviceIp[family], addressOf('a2', family)]) {
      await inContainer(namespaceOf('a1'), 'ip', 'neighbour', 'flush', 'all');
      t.equal(await bed.echo('a1', address), 'answered', address);
    }
    t.equal(await counts[index]?.(), 0, 'nobody else is asked');
    await bed.echo('a1', family === 4 ? '10.1.0.78' : 'fd00:1::78', { timeoutMs: 500 });
    t.ok(((await counts[index]?.()) ?? 0) > 0, 'but for an address that is not known');
  }
});

t.test('a frame to a container elsewhere goes there, and to nobody else', async (t) => {
  const echo = (to: ContainerName): string => `icmp type echo-request ip daddr ${addressOf(to, 4)}`;
  const there = await countIncoming(routerName('blue-h2'), 'vx1', echo('a2'));
  const elsewhere = await countIncoming(routerName('blue-h3'), 'vx1', echo('a2'));
  await inRouter('h1', 'ip', 'link', 'add', 'port', 'master', 'br1', 'up', 'mtu', '1450', 'type', 'veth', 'peer', 'name', 'beyond', 'mtu', '1450');
  await inRouter('h1', 'ip', 'link', 'set', 'beyond', 'up');
  const flooded = await countIncoming(routerName('blue-h1'), 'beyond', echo('a2'));
  t.equal(await bed.echo('a1', addressOf('a2', 4)), 'answered');
  t.same([await there(), await elsewhere(), await flooded()], [1, 0, 0], 'nor to other ports of its own bridge');
  await inRouter('h1', 'ip', 'link', 'delete', 'port');
});

t.test('a broadcast goes to the hosts that have an endpoint on the network', async (t) => {
  const heard = async (link: string, from: ContainerName, address: string): Promise<boolean[]> => {
    const counts = await Promise.all(hosts.map((host) => countIncoming(routerName(`blue-${host}`), link, `arp operation request arp daddr ip ${address}`)));
    await bed.echo(from, address, { timeoutMs: 500 });
    return Promise.all(counts.map(async (count) => (await count()) > 0));
  };
  t.same(await heard('vx1', 'a1', '10.1.0.77'), [false, true, false]);
  t.same(await heard('vx2', 'b1', '10.2.0.77'), [false, true, true]);
});

t.test('what somebody deleted is there again after a pass', async (t) => {
  const mac = '02:02:0a:01:00:02';
  const port = [...bed.plan('h1', 'blue').links.values()].find((link) => link.kind === 'port' && link.bridge === 'br1')?.name ?? '';
  const damages: readonly (readonly string[])[] = [
    ['bridge', 'fdb', 'delete', mac, 'dev', 'vx1', 'self'],
    ['bridge', 'fdb', 'delete', mac, 'dev', 'vx1', 'master'],
    ['bridge', 'fdb', 'replace', mac, 'dev', 'vx1', 'dst', '192.0.2.3', 'self', 'permanent'],
    ['bridge', 'fdb', 'delete', '00:00:00:00:00:00', 'dev', 'vx1', 'dst', '192.0.2.2', 'self'],
    ['bridge', 'fdb', 'append', '00:00:00:00:00:00', 'dev', 'vx1', 'dst', '192.0.2.3', 'self'],
    ['ip', 'neighbour', 'delete', '10.1.0.2', 'dev', 'br1'],
    ['bridge', 'link', 'set', 'dev', 'vx1', 'neigh_suppress', 'off'],
    ['bridge', 'link', 'set', 'dev', 'vx1', 'learning', 'on'],
    ['ip', 'link', 'set', 'vx1', 'nomaster'],
    ['ip', 'link', 'set', 'vx1', 'down'],
    ['ip', 'link', 'set', 'vx1', 'mtu', '1400'],
    ['ip', 'link', 'set', 'br1', 'mtu', '1400'],
    ['ip', 'link', 'set', port, 'mtu', '1400'],
    ['ip', 'link', 'delete', 'vx1'],
    ['ip', 'link', 'delete', 'br1'],
  ];
  for (const damage of damages) {
    await inRouter('h1', ...damage);
    t.ok((await bed.reconcile('h1', 'blue')) > 0, damage.join(' '));
    t.same(comparable(await bed.read('h1', 'blue')), comparable(bed.plan('h1', 'blue')));
    await inContainer(namespaceOf('a1'), 'ip', 'neighbour', 'flush', 'all');
    t.equal(await bed.ask('a1', 'tcp', addressOf('a2', 4), 8080), 'a2 10.1.0.1');
  }
});

t.test('packets between hosts are not among the connections that hosts track', async (t) => {
  await inContainer('h1', 'nft', 'add table ip asking; add chain ip asking in { type filter hook input priority 0; }; add rule ip asking in ct state established counter');
  for (const family of families) t.equal(await bed.ask('a1', 'tcp', addressOf('a2', family), 8080), `a2 ${addressOf('a1', family)}`);
  for (const family of ['ipv4', 'ipv6']) t.equal((await inContainer('h1', 'conntrack', '-L', '-f', family, '-p', 'udp')).split('\n').filter(Boolean).length, 0, family);
  await inContainer('h1', 'nft', 'delete', 'table', 'ip', 'asking');
});

t.test('packets of a network that come from a stranger are dropped', async (t) => {
  await inContainer('stranger', 'ip', 'link', 'add', 'forged', 'address', '02:02:0a:01:00:01', 'type', 'vxlan', 'id', '1', 'dstport', '4789', 'remote', underlayOf('h2', 4));
  // As a1, to a2, without asking for it.
  await inContainer('stranger', 'ip', 'address', 'add', '10.1.0.1/24', 'dev', 'forged');
  await inContainer('stranger', 'ip', 'link', 'set', 'forged', 'up');
  await inContainer('stranger', 'ip', 'neighbour', 'add', '10.1.0.2', 'lladdr', '02:02:0a:01:00:02', 'dev', 'forged', 'nud', 'permanent');
  const forge = (): Promise<unknown> => inContainer('stranger', 'busybox', 'ping', '-c', '1', '-W', '1', '10.1.0.2').catch(() => undefined);
  const dropped = async (): Promise<number> => Number(/counter packets (\d+)/.exec(await inContainer('h2', 'nft', 'list', 'chain', 'inet', 'netctl_host', 'overlay'))?.[1]);
  const arrived = async (): Promise<number> => Number(/^IcmpInEchos\s+(\d+)/m.exec(await inContainer(namespaceOf('a2'), 'nstat', '-asz', 'IcmpInEchos'))?.[1]);
  t.ok((await during(dropped, async () => t.equal(await during(arrived, forge), 0))) > 0);
  await bed.guard('h2', []);
  t.equal(await during(arrived, forge), 1, 'it is the rules that drop them');
  await bed.guard('h2', hosts);
  await inContainer('stranger', 'ip', 'link', 'delete', 'forged');
});

t.test('an MTU fits its underlay exactly, and follows it', async (t) => {
  for (const underlay of [9000, 1400, 1500]) {
    await setUnderlayMtu(underlay);
    await bed.change({ family: 4, mtu: underlay - 50 });
    await largestPasses(t, underlay - 50);
  }
});

t.test('over IPv6 its header is larger', async (t) => {
  await bed.change({ family: 6, mtu: 1430 });
  await largestPasses(t, 1430);
  t.equal(await bed.ask('b3', 'udp', addressOf('b1', 6), 8080), `b1 ${addressOf('b3', 6)}`);
  await bed.change({ family: 4, mtu: 1450 });
});

/** Nothing larger is sent at all, so that nobody on the way has to cut it or to drop it. */
async function largestPasses(t: Test, mtu: number): Promise<void> {
  for (const family of families) {
    t.equal(await bed.echo('a1', addressOf('a2', family), { length: mtu }), 'answered', `${mtu} octets of IPv${family}`);
    t.equal(await bed.echo('a1', addressOf('a2', family), { length: mtu + 1 }), 'tooLong', `one more octet of IPv${family}`);
  }
  t.equal(await fragments(), 0, 'no fragment on the underlay');
}

/** Made or received by the hosts, since they are there. */
async function fragments(): Promise<number> {
  const counts = await Promise.all(hosts.map((host) => inContainer(host, 'nstat', '-asz', 'IpFragCreates', 'IpReasmReqds', 'Ip6FragCreates', 'Ip6ReasmReqds')));
  return counts.flatMap((text) => [...text.matchAll(/^Ip\S+\s+(\d+)/gm)].map(([, count]) => Number(count))).reduce((sum, count) => sum + count, 0);
}

t.test('TCP of a container that sends larger packets is told what the way takes', async (t) => {
  const [client, server] = [namespaceOf('b1'), namespaceOf('b2')];
  await inContainer(server, 'nft', 'add table ip seen; add chain ip seen in { type filter hook input priority 0; }; add rule ip seen in tcp flags syn tcp option maxseg size 1410 counter; add rule ip seen in tcp flags syn tcp option maxseg size > 1410 counter');
  const seen = async (): Promise<string[]> => [...(await inContainer(server, 'nft', 'list', 'table', 'ip', 'seen')).matchAll(/counter packets (\d+)/g)].map(([, count]) => count ?? '');
  await inContainer(client, 'ip', 'link', 'set', 'eth0', 'mtu', '9000');
  t.equal(await bed.ask('b1', 'tcp', addressOf('b2', 4), 8080), 'b2 10.2.0.1');
  t.same(await seen(), ['1', '0']);
  await inContainer(client, 'ip', 'link', 'set', 'eth0', 'mtu', '1450');
});

t.test('what is in the way of a link is told', async (t) => {
  await inRouter('h1', 'ip', 'link', 'delete', 'vx1');
  await inContainer('h1', 'ip', 'link', 'add', 'others', 'type', 'vxlan', 'id', '1', 'dstport', '4789');
  await t.rejects(bed.reconcile('h1', 'blue'), { code: 'unavailable', message: /^packet tag 1 is in use on this host by a VXLAN link on UDP port 4789 / });
  await inContainer('h1', 'ip', 'link', 'delete', 'others');
  t.ok((await bed.reconcile('h1', 'blue')) > 0);
  t.equal(await bed.ask('a1', 'tcp', addressOf('a2', 4), 8080), 'a2 10.1.0.1');
});
