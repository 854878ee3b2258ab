import '../support/throw-away-host.js';
import t from 'tap';
import { execa } from 'execa';
import { routerName } from '../../daemon/kernel/netns.js';
import type { NatInput, NatNetwork } from '../../src/nat/input.js';
import { planNat } from '../../src/nat/plan.js';
import { inContainer, reaches } from '../support/containers.js';
import { Probe } from '../support/probe.js';
import { ServiceBed, tenant } from '../support/service-bed.js';
import { service } from '../unit/nat/arbitraries.js';
import { hosts, input, web, web6 } from '../unit/nat/scenario.js';

// A router with an uplink to a namespace that stands for the host and for all that is behind it.

const outside = 'outside';
const router = routerName(tenant);
const [near, near6, far, far6] = ['169.254.240.1', 'fd6e::1', '198.51.100.1', '2001:db8:ffff::1'];
const [host, host6] = ['169.254.240.0', 'fd6e::'];

/** Network 1 may go out, and network 2 is open to the host. The ports of a1 are published. */
const ways: Record<string, Partial<NatNetwork>> = { br1: { outward: true }, br2: { fromHost: true } };
const withUplink: NatInput = {
  networks: input.networks.map((network) => ({ ...network, ...ways[network.bridge] })),
  services: [
    ...input.services,
    { ...service([near, near6], ['20001:8080/tcp', '20001:5353/udp'], []), providers: [{ addresses: hosts.a1.addresses.map((text) => service(text, [], []).addresses).flat() }] },
    service('10.1.0.110', ['80:8080/tcp'], [far]),
  ],
};

const bed = new ServiceBed();
let probe: Probe;
t.before(async () => {
  await bed.start();
  await execa('ip', ['netns', 'add', outside]);
  await inContainer(router, 'ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'nu-0', 'netns', outside);
  await commands(router, [`address add ${near}/31 dev uplink`, `address add ${near6}/127 dev uplink nodad`, 'link set uplink up', `route add default via ${host}`]);
  await commands(outside, [`address add ${host}/31 dev nu-0`, `address add ${host6}/127 dev nu-0 nodad`, 'link set nu-0 up', 'link set lo up', `address add ${far}/32 dev lo`, `address add ${far6}/128 dev lo nodad`]);
  await commands(router, [`route add default via ${host6}`]);
  await commands(outside, [`route add 10.0.0.0/8 via ${near}`, `route add 2001:db8::/40 via ${near6}`]);
  await inContainer(outside, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await inContainer(outside, 'nft', 'table ip host { chain in { type filter hook prerouting priority -300; iifname "nu-0" ip saddr != 169.254.240.1 ct state new counter comment "others"; }; chain publish { type nat hook prerouting priority -100; ip daddr 198.51.100.1 tcp dport 9090 dnat to 169.254.240.1:20001; }; chain back { type nat hook postrouting priority 100; ip saddr 169.254.240.1 oifname "nu-0" masquerade; }; }');
  probe = new Probe(outside);
  for (const [protocol, port] of [['tcp', 8080], ['udp', 5353]] as const) await probe.do({ do: 'serve', name: outside, protocol, port });
});
t.teardown(async () => {
  await probe.kill();
  await bed.stop();
  await execa('ip', ['netns', 'delete', outside]);
});
t.beforeEach(() => bed.nftables.replace(tenant, planNat(withUplink)));

async function commands(namespace: string, all: readonly string[]): Promise<void> {
  for (const command of all) await inContainer(namespace, 'ip', ...command.split(' '));
}

const fromOutside = (protocol: 'tcp' | 'udp', address: string, port: number, patience = 2_000): Promise<string> => probe.do({ do: 'ask', protocol, address, port, patience });

t.test('out of a network that may, as one address for the whole tenant', async (t) => {
  for (const [from, protocol, to, port, answer] of [
    ['a9', 'tcp', far, 8080, `outside ${near}`],
    ['a1', 'tcp', far, 8080, `outside ${near}`],
    ['a9', 'udp', host, 5353, `outside ${near}`],
    ['a9', 'tcp', far6, 8080, `outside ${near6}`],
    ['a9', 'udp', host6, 5353, `outside ${near6}`],
    ['a9', 'tcp', host, 8080, `outside ${near}`],
    ['a9', 'tcp', far, 8081, 'refused'],
    ['b9', 'tcp', far, 8080, 'silence'],
    ['b9', 'udp', host, 5353, 'silence'],
    ['b9', 'tcp', far6, 8080, 'silence'],
  ] as const) {
    t.equal((await bed.ask([from, protocol, to, port, answer])).word, answer, `${from} ${protocol} ${to} ${port}`);
  }
  t.ok(await reaches('a9', far));
  t.ok(await reaches('a9', far6));
});

t.test('from the host to networks that it may reach, and to services', async (t) => {
  for (const [protocol, to, port, answer] of [
    ['tcp', '10.2.0.1', 8080, `b1 ${host}`],
    ['udp', '10.2.0.1', 5353, `b1 ${host}`],
    ['tcp', '2001:db8:2::9', 8080, `b9 ${host6}`],
    ['tcp', '10.1.0.1', 8080, 'silence'],
    ['tcp', '2001:db8:1::1', 8080, 'silence'],
    ['tcp', web, 80, `a1 ${host}`],
    ['udp', web, 53, `a1 ${host}`],
    ['tcp', web6, 80, `a1 ${host6}`],
    ['tcp', web, 81, 'refused'],
  ] as const) {
    t.equal(await fromOutside(protocol, to, port, answer === 'silence' ? 300 : 2_000), answer, `${protocol} ${to} ${port}`);
  }
});

t.test('published ports', async (t) => {
  for (const [protocol, to, port, answer] of [
    ['tcp', near, 20_001, `a1 ${host}`],
    ['udp', near, 20_001, `a1 ${host}`],
    ['tcp', near6, 20_001, `a1 ${host6}`],
    ['udp', near6, 20_001, `a1 ${host6}`],
    ['tcp', near, 20_002, 'refused'],
    ['udp', near, 20_002, 'refused'],
    ['tcp', near6, 20_002, 'refused'],
  ] as const) {
    t.equal(await fromOutside(protocol, to, port), answer, `${protocol} ${to} ${port}`);
  }
  t.ok(await reaches(outside, near));
  await commands(outside, [`route add ${near}/32 dev nu-0 src ${far}`]);
  t.teardown(() => commands(outside, [`route delete ${near}/32 dev nu-0`]));
  t.equal(await fromOutside('tcp', near, 20_001), `a1 ${far}`, 'a container sees who calls from far away');
});

t.test('a container calls a port that it has published itself, and the call comes back through the host', async (t) => {
  t.equal((await bed.ask(['a1', 'tcp', far, 9090, ''])).word, `a1 ${host}`);
});

t.test('nothing leaves with a forged source, nor through a service whose provider is in no network', async (t) => {
  const [victim] = hosts.b9.addresses;
  await inContainer('a9', 'ip', 'address', 'add', `${victim}/32`, 'dev', 'lo');
  t.teardown(() => inContainer('a9', 'ip', 'address', 'delete', `${victim}/32`, 'dev', 'lo'));
  const datagrams = async (): Promise<number> => Number((await inContainer(outside, 'cat', '/proc/net/snmp')).split('\n').filter((line) => line.startsWith('Udp: '))[1]?.split(' ')[1]);
  const before = await datagrams();
  await inContainer('a9', 'sh', '-c', `echo '?' | nc -u -n -s ${victim} -w 1 ${host} 5353 || true`);
  t.equal(await datagrams(), before);
  t.equal((await bed.ask(['a9', 'udp', host, 5353, ''])).word, `outside ${near}`);
  t.equal(await datagrams(), before + 1, 'that of an honest one is counted');
  t.equal((await bed.ask(['b9', 'tcp', '10.1.0.110', 80, 'silence'])).word, 'silence');
  t.match(await inContainer(outside, 'nft', 'list table ip host'), /counter packets 0 bytes 0 comment "others"/, 'all that the host saw came from the address of the uplink');
});

t.test('connections outlive new tables, also those of the version before', async (t) => {
  t.equal(await bed.open('a9', 1, far, 8080), `outside ${near}`);
  t.equal(await bed.open('b9', 2, web, 80), 'a1 10.2.0.9');
  t.equal(await probe.do({ do: 'open', connection: 3, address: near, port: 20_001, patience: 2_000 }), `a1 ${host}`);
  const rules = await inContainer(router, 'nft', '--handle', 'list table ip netctl');
  const version = /version_[0-9a-f]{8}/.exec(rules)?.[0];
  const counting = /"through a service: count it" # handle (\d+)/.exec(rules)?.[1];
  await inContainer(router, 'nft', `delete chain ip netctl ${version}; add chain ip netctl version_00000000; delete rule ip netctl forward handle ${counting}`);
  t.equal(await bed.nftables.read(tenant), 'foreign');
  for (const when of ['before', 'after']) {
    t.equal(await bed.say('a9', 1), `outside ${near}`, `out, ${when}`);
    t.equal(await bed.say('b9', 2), 'a1 10.2.0.9', `through a service, ${when}`);
    t.equal(await probe.do({ do: 'say', connection: 3, patience: 2_000 }), `a1 ${host}`, `in, ${when}`);
    await bed.nftables.replace(tenant, planNat(withUplink));
  }
});
