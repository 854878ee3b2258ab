import '../support/throw-away-host.js';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import type { Protocol } from '../../src/model/service.js';
import { inContainer, reaches, startContainer, stopContainer } from '../support/containers.js';
import { addresses, ask, breakIntoRouter, host, leadLoopback, open, reconcileHost, reconcileRouter, say, startBed, uplinks } from './host-bed.js';

/** Who asks, for what address and port, and the answer: who serves, and whom it sees. */
type Step = readonly [from: string, address: string, port: number, answer: string];

await startBed();

const protocols: readonly Protocol[] = ['tcp', 'udp'];

function asked(name: string, steps: readonly Step[]): void {
  t.test(name, (t) => askAll(t, steps));
}

/** All at once, because silence takes its time. */
async function askAll(t: Test, steps: readonly Step[]): Promise<void> {
  const asking = protocols.flatMap((protocol) =>
    steps.map(async ([from, address, port, answer]) => {
      const first = await ask(from, protocol, address, port, answer);
      // Nobody sends a lost datagram again but we.
      const found = protocol === 'udp' && first === 'silence' && answer !== 'silence' ? await ask(from, protocol, address, port, answer) : first;
      t.equal(found, answer, `${from} to ${address} ${protocol} ${port}`);
    }),
  );
  await Promise.all(asking);
}

asked('containers of both tenants reach out, and outside the host is seen', [
  ['b1', addresses.lan[4], 9000, `lan ${addresses.host[4]}`],
  ['r1', addresses.lan[4], 9000, `lan ${addresses.host[4]}`],
  ['b2', addresses.lan[6], 9000, `lan ${addresses.host[6]}`],
  ['r1', addresses.lan[6], 9000, `lan ${addresses.host[6]}`],
  // The host publishes this port, its neighbour has it all the same.
  ['b1', addresses.lan[4], 80, `lan ${addresses.host[4]}`],
  ['r1', addresses.lan[6], 80, `lan ${addresses.host[6]}`],
]);

asked('a neighbour reaches what is published, and is seen', [
  ['lan', addresses.host[4], 80, `b1 ${addresses.lan[4]}`],
  ['lan', addresses.host[6], 80, `b1 ${addresses.lan[6]}`],
  ['lan', addresses.host[4], 81, `r1 ${addresses.lan[4]}`],
  ['lan', addresses.host[6], 81, `r1 ${addresses.lan[6]}`],
  ['lan', addresses.host[4], 82, `b2 ${addresses.lan[4]}`],
]);

t.test("a neighbour whose address is one of the tenant's subnets is answered, as the host", async (t) => {
  const strange = { 4: '10.1.0.77', 6: 'fd00:1::77' } as const;
  for (const family of [4, 6] as const) {
    await inContainer('lan', 'ip', 'address', 'add', strange[family], 'dev', 'eth0', ...(family === 6 ? ['nodad'] : []));
    await inContainer('lan', 'ip', 'route', 'add', addresses.host[family], 'dev', 'eth0', 'src', strange[family]);
    await execa('ip', ['route', 'add', strange[family], 'dev', 'eth0']);
    t.teardown(async () => {
      await inContainer('lan', 'ip', 'route', 'delete', addresses.host[family], 'dev', 'eth0', 'src', strange[family]);
      await execa('ip', ['route', 'delete', strange[family], 'dev', 'eth0']);
    });
  }
  await askAll(t, [['lan', addresses.host[4], 80, 'b1 169.254.240.0'], ['lan', addresses.host[6], 81, 'r1 fd6e:6574:6374:6c::2']]);
});

asked('the host reaches what is published at its loopback and at its own addresses', [
  ['host', '127.0.0.1', 80, 'b1 169.254.240.0'],
  ['host', '::1', 80, 'b1 fd6e:6574:6374:6c::'],
  ['host', addresses.host[4], 81, 'r1 169.254.240.2'],
  ['host', addresses.host[6], 81, 'r1 fd6e:6574:6374:6c::2'],
  ['host', '127.0.0.1', 83, 'b2 169.254.240.0'],
  ['host', '127.0.0.1', 82, 'refused'],
  ['host', addresses.host[4], 83, 'refused'],
  ['lan', addresses.host[4], 83, 'refused'],
]);

asked('containers reach what is published, their own and that of others', [
  ['b1', addresses.host[4], 80, 'b1 169.254.240.0'],
  ['b1', addresses.host[6], 80, 'b1 fd6e:6574:6374:6c::'],
  ['b2', addresses.host[4], 80, 'b1 169.254.240.0'],
  ['r1', addresses.host[4], 80, 'b1 169.254.240.0'],
  ['r1', addresses.host[6], 80, 'b1 fd6e:6574:6374:6c::'],
  ['b1', addresses.host[4], 81, 'r1 169.254.240.2'],
  ['r1', addresses.host[4], 81, 'r1 169.254.240.2'],
]);

t.test('another machine reaches nothing that is not published, whatever it routes', async (t) => {
  for (const [prefix, via] of [['10.1.0.0/24', addresses.host[4]], ['169.254.240.0/20', addresses.host[4]], ['fd00:1::/64', addresses.host[6]], ['fd6e:6574:6374:6c::/112', addresses.host[6]]] as const) {
    await inContainer('lan', 'ip', 'route', 'add', prefix, 'via', via);
    t.teardown(() => inContainer('lan', 'ip', 'route', 'delete', prefix));
  }
  await leadLoopback('lan', addresses.host[4], 'eth0');
  await reconcileHost(uplinks({ reachable: true }));
  await askAll(t, [
    ['lan', '10.1.0.1', 8080, 'silence'],
    ['lan', 'fd00:1::1', 8080, 'silence'],
    ['lan', '169.254.240.1', 1, 'silence'],
    ['lan', 'fd6e:6574:6374:6c::1', 1, 'silence'],
    ['lan', '127.0.0.1', 83, 'silence'],
    ['lan', '127.0.0.1', 9000, 'silence'],
    // It is the way that does not lead there.
    ['lan', addresses.host[4], 80, `b1 ${addresses.lan[4]}`],
  ]);
});

asked('the host itself reaches the containers of whom it may, and nobody else', [
  ['host', '10.1.0.1', 8080, 'b1 169.254.240.0'],
  ['host', 'fd00:1::2', 8080, 'b2 fd6e:6574:6374:6c::'],
]);

asked('tenants do not reach each other by their uplinks', [
  ['b1', '169.254.240.3', 1, 'silence'],
  ['r1', '169.254.240.1', 1, 'silence'],
  ['r1', 'fd6e:6574:6374:6c::1', 1, 'silence'],
  ['b1', '169.254.240.0', 9000, 'host 169.254.240.1'],
]);

t.test('an open connection goes on while the rules are made anew, and when its port is published no longer', async (t) => {
  t.equal(await open('lan', 1, addresses.host[4], 80), `b1 ${addresses.lan[4]}`);
  t.equal(await open('b2', 1, addresses.lan[4], 9000), `lan ${addresses.host[4]}`);
  await reconcileHost(uplinks().map((uplink) => ({ ...uplink, publications: [] })));
  t.equal(await ask('lan', 'tcp', addresses.host[4], 80), 'refused');
  t.equal(await say('lan', 1), `b1 ${addresses.lan[4]}`);
  t.equal(await say('b2', 1), `lan ${addresses.host[4]}`);
  await reconcileHost(uplinks());
  t.equal(await ask('lan', 'tcp', addresses.host[4], 80), `b1 ${addresses.lan[4]}`);
});

const outward: readonly Step[] = [['b1', addresses.lan[4], 9000, `lan ${addresses.host[4]}`], ['r1', addresses.lan[6], 9000, `lan ${addresses.host[6]}`]];
const unanswered = outward.map(([from, address, port]): Step => [from, address, port, 'silence']);

t.test('what somebody else did to the host is seen and made good', async (t) => {
  t.equal(await reconcileHost(uplinks()), 0);
  for (const { harm, command, breaks } of harms) {
    await t.test(harm, async (t) => {
      await execa('sh', ['-ec', command]);
      await askAll(t, breaks ? unanswered : outward);
      t.ok((await reconcileHost(uplinks())) > 0);
      t.equal(await reconcileHost(uplinks()), 0);
      await askAll(t, outward);
    });
  }
});

/** Harm to both uplinks and both families. Where it does not break what containers reach, it breaks other things. */
const harms: readonly { readonly harm: string; readonly command: string; readonly breaks: boolean }[] = [
  { harm: "the rules of iptables are flushed, as by Docker's reload", command: 'iptables -F FORWARD; ip6tables -F FORWARD', breaks: true },
  { harm: 'a chain is flushed', command: 'nft flush chain inet netctl_host own_address', breaks: true },
  { harm: 'an element is deleted', command: 'nft delete element inet netctl_host ports4 { tcp . 80 }', breaks: false },
  { harm: 'all rules are flushed', command: 'nft delete table inet netctl_host', breaks: true },
  { harm: 'addresses are deleted', command: 'ip address flush dev nu-0; ip address flush dev nu-1', breaks: true },
  { harm: 'links go down', command: 'ip link set nu-0 down; ip link set nu-1 down', breaks: true },
  { harm: 'links get other MAC addresses', command: 'ip link set nu-0 address 02:00:00:00:00:01; ip link set nu-1 address 02:00:00:00:00:02', breaks: true },
  { harm: 'forwarding ends', command: 'sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0', breaks: true },
  { harm: 'neighbours are others', command: 'for n in "169.254.240.1 dev nu-0" "fd6e:6574:6374:6c::3 dev nu-1"; do ip neighbour replace $n lladdr 02:00:00:00:00:01; done', breaks: true },
  { harm: 'the loopback is no longer routed', command: 'sysctl -qw net.ipv4.conf.nu-0.route_localnet=0; ip route delete local ::1 dev nu-1 table local', breaks: false },
];

t.test("containers do not reach Docker's own networks, though their uplinks are let through before Docker's rules are asked", async (t) => {
  await execa('ip', ['link', 'add', 'docker0', 'type', 'veth', 'peer', 'name', 'own0']);
  await startContainer('own', 'own0', '172.17.0.2/16', '172.17.0.1');
  t.teardown(() => stopContainer('own'));
  await execa('sh', ['-ec', 'ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up']);
  t.ok(await reaches('host', '172.17.0.2'));
  t.notOk(await reaches('b1', '172.17.0.2'));
  await execa('ip', ['link', 'set', 'docker0', 'name', 'other0']);
  t.ok(await reaches('b1', '172.17.0.2'), 'it is the name that matters');
});

t.test('a host that begins to forward does so for nobody else; what forwarded already is left as it is', async (t) => {
  const policies = async (): Promise<string[]> => Promise.all(['iptables', 'ip6tables'].map(async (program) => (await execa(program, ['-S', 'FORWARD'])).stdout.split('\n')[0] ?? ''));
  for (const program of ['iptables', 'ip6tables']) await execa(program, ['-P', 'FORWARD', 'ACCEPT']);
  await execa('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
  await reconcileHost(uplinks());
  t.same(await policies(), ['-P FORWARD DROP', '-P FORWARD ACCEPT']);
  await execa('sysctl', ['-qw', 'net.ipv6.conf.all.forwarding=0']);
  await reconcileHost(uplinks());
  t.same(await policies(), ['-P FORWARD DROP', '-P FORWARD DROP']);
  await askAll(t, outward);
});

t.test('links that are deleted are made anew by their routers, and prepared by the host', async (t) => {
  await execa('sh', ['-ec', 'ip link delete nu-0; ip link set nu-1 down; ip link set nu-1 name other']);
  t.equal(await reconcileHost(uplinks()), 0, 'the host can do nothing');
  for (const tenant of ['blue', 'red']) t.ok((await reconcileRouter(tenant)) > 0);
  t.ok((await reconcileHost(uplinks())) > 0);
  await askAll(t, outward);
});

t.test("from a router the host's loopback is not reached, and nothing is sent with a forged address", async (t) => {
  const router = breakIntoRouter('blue');
  await inContainer(router, 'nft', 'flush', 'ruleset');
  await askAll(t, [[router, addresses.lan[4], 9000, `lan ${addresses.host[4]}`]]);
  await leadLoopback(router, '169.254.240.0', 'uplink');
  await askAll(t, [[router, '127.0.0.1', 9000, 'silence']]);
  await inContainer(router, 'ip', 'address', 'add', '192.0.2.1/32', 'dev', 'uplink');
  await inContainer(router, 'ip', 'route', 'add', addresses.lan[4], 'via', '169.254.240.0', 'src', '192.0.2.1');
  await execa('ip', ['route', 'add', '192.0.2.1', 'via', '169.254.240.1']);
  await askAll(t, [[router, addresses.lan[4], 9000, 'silence']]);
});

t.test("what is the host's own is left alone, and all of ours goes", async (t) => {
  const rules = async (): Promise<string> => (await execa('iptables-save', ['-t', 'filter'])).stdout.replaceAll(/^[#:].*\n/gm, '');
  await execa('iptables', ['-A', 'FORWARD', '-i', 'other0', '-j', 'DROP']);
  t.match(await rules(), /-A FORWARD -[io] nu-\+ -m comment --comment netctl -j ACCEPT\n.*nu-\+.*\n-A FORWARD -i other0/);
  await reconcileHost([]);
  const { links, addresses: held, routes, neighbours, accepts, rules: table, settings } = await host.read();
  t.same([links, held, routes, neighbours].map(({ size }) => size), [0, 0, 0, 0]);
  t.same([...accepts.values()], [false, false, false, false]);
  t.equal(table, undefined);
  t.equal(settings.get('ipv4/ip_forward'), '1', 'others may need it');
  t.match(await rules(), /^\*filter\n-A FORWARD -i other0 -j DROP\nCOMMIT/);
  t.ok((await host.foreignRoutes()).some(({ prefix, link }) => prefix.toString() === '192.168.50.0/24' && link === 'eth0'));
});
