import t, { type Test } from 'tap';
import { labHosts, until, untilProviders, type Host } from './support/lab.js';
import { outsideOf } from './support/outside.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';
import { vxlanPayload } from './support/vxlan-packet.js';

// Two tenants on the same hosts that are alike to the last address. Between hosts nothing but the number of the segment
// tells their packets apart, so it matters who can send such packets.

const tenants = ['red', 'blue'] as const;
const serviceIp = '100.1.1.1';
const vxlanPort = 4789;
/** Where the servers hear what was forged. */
const forgedPort = 9999;
const underlay = { h1: '192.168.50.1', h2: '192.168.50.2', h3: '192.168.50.3' } as const;

const lab = await labHosts(t, 'hten');
const [h1, h2] = [lab.host(1), lab.host(2)];
t.teardown(async () => {
  if (!t.passing()) t.comment(await lab.logs());
});

for (const tenant of tenants) {
  await h1.netctl('tenant', 'create', tenant);
  await h1.netctl('net', 'create', 'services', '-t', tenant, '-s', '100.1.1.0/24');
  await h1.netctl('net', 'create', 'app', '-t', tenant, '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await h1.netctl('net', 'create', 'users', '-t', tenant, '-s', '11.1.1.0/24', '-g', '11.1.1.254');
  await h1.netctl('service', 'create', 'web', '-t', tenant, '-s', 'services', '-l', 'tier=web', '-p', '8080:80:tcp', '-p', '53:53:udp');
}
const clients = new Map<string, Traffic>();
for (const tenant of tenants) {
  for (const [index, host] of [h1, h2].entries()) await settle(host, tenant, index + 1);
}
for (const tenant of tenants) for (const host of lab.hosts) await untilProviders(host, 'web', [`${tenant}-s1`, `${tenant}-s2`], tenant);

/** A server and a client of the tenant on the host. */
async function settle(host: Host, tenant: string, number: number): Promise<void> {
  const [server, client] = [`${tenant}-s${number}`, `${tenant}-c${number}`];
  await untilNetwork(host, `app/${tenant}`);
  await untilNetwork(host, `users/${tenant}`);
  await runClient(host, server, `app/${tenant}`, '--label=tier=web', '--ip', `10.1.1.${number}`);
  await runClient(host, client, `users/${tenant}`, '--ip', `11.1.1.${number}`);
  const traffic = await Traffic.from(t, host, server);
  await traffic.listen(80, server, 'closes');
  await traffic.serve(53, server);
  await host.docker('exec', '-d', server, 'socat', '-u', `UDP-RECV:${forgedPort}`, 'OPEN:/tmp/heard,creat,append');
  await until(`${server} listens`, async () => (await host.inside(server, `netstat -lun | grep -q ':${forgedPort} '`)).exitCode === 0 || 'not yet');
  clients.set(client, await Traffic.from(t, host, client));
}

async function untilNetwork(host: Host, name: string): Promise<void> {
  await until(`network ${name} is in the Docker of ${host.name}`, async () => (await host.run('docker', 'network', 'inspect', name)).exitCode === 0 || 'not yet');
}

function clientOf(name: string): Traffic {
  const client = clients.get(name);
  if (!client) throw new Error(`there is no client ${name}`);
  return client;
}

/** Never the same twice: a source port that was used lately is led to where it was then. */
let sourcePort = 20_000;

/** TCP and UDP, from clients on both hosts. */
async function reachesOnlyItsOwn(t: Test, tenant: string): Promise<void> {
  for (const number of [1, 2]) {
    const client = clientOf(`${tenant}-c${number}`);
    const own = `11.1.1.${number}`;
    const expected = { [`${tenant}-s1 ${own}`]: 20, [`${tenant}-s2 ${own}`]: 20 };
    t.strictSame(answers(await client.connect(serviceIp, 8080, 40)), expected, `TCP from ${tenant} on h${number}`);
    const datagrams = [];
    for (let count = 0; count < 40; count++) datagrams.push(await client.datagram(serviceIp, 53, sourcePort++, 5_000));
    t.strictSame(answers(datagrams), expected, `UDP from ${tenant} on h${number}`);
  }
}

t.test('each tenant reaches its own on both hosts, one after the other and all at once', async (t) => {
  for (const tenant of tenants) await reachesOnlyItsOwn(t, tenant);
  await Promise.all(tenants.map((tenant) => reachesOnlyItsOwn(t, tenant)));
});

/** The number of the segment of the tenant's servers. */
async function vniOf(tenant: string): Promise<number> {
  const { Oper } = await h1.inspect<{ Oper: { pktTag: number } }>(`networks/${tenant}:app`);
  return Oper.pktTag;
}

/** To the server on h2, as from the one on h1. */
function forged(vni: number, text: string): Buffer {
  return vxlanPayload({ vni, from: '10.1.1.1', to: '10.1.1.2', port: forgedPort, text: `${text}\n` });
}

/** What the tenant's server on h2 has heard. */
async function heard(tenant: string): Promise<string[]> {
  return (await h2.docker('exec', `${tenant}-s2`, 'cat', '/tmp/heard')).split('\n').filter((line) => line !== '');
}

/** How many packets were refused by the rules of a chain. */
async function refused(host: Host, chain: string): Promise<number> {
  const counts = [...(await host.ok('nft', 'list', 'chain', 'inet', 'netctl_host', chain)).matchAll(/counter packets (\d+)/g)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

t.test('a packet with the number of a segment gets into this segment only, and only from a host', async (t) => {
  const vnis = { red: await vniOf('red'), blue: await vniOf('blue') };
  const stranger = await outsideOf(h1);
  // Docker's own network leads out, too.
  await h1.docker('run', '-d', '--name', 'plain', 'alpine', 'sleep', '100000');
  const [asHost, asStranger, asPlain] = [await Traffic.on(t, h1), await Traffic.on(t, stranger), await Traffic.from(t, h1, 'plain')];
  const pid = await h1.docker('inspect', '--format', '{{.State.Pid}}', 'plain');
  await h1.ok('nsenter', `--net=/proc/${pid}/ns/net`, 'ip', 'address', 'add', `${underlay.h3}/32`, 'dev', 'eth0');
  const before = [await refused(h1, 'overlay'), await refused(h1, 'overlay_through'), await refused(h2, 'overlay')] as const;

  for (const tenant of tenants) {
    await asStranger.send(underlay.h2, vxlanPort, forged(vnis[tenant], `a stranger, ${tenant}`));
    for (const to of [underlay.h1, underlay.h2]) {
      await clientOf('blue-c1').send(to, vxlanPort, forged(vnis[tenant], `a container, ${tenant}`));
      await asPlain.send(to, vxlanPort, forged(vnis[tenant], `a container on Docker's own network, ${tenant}`));
      await asPlain.send(to, vxlanPort, forged(vnis[tenant], `a container with the address of a host, ${tenant}`), underlay.h3);
    }
  }
  for (const vni of [0, vnis.red + vnis.blue + 1, 0xffffff]) await asHost.send(underlay.h2, vxlanPort, forged(vni, 'a host, nobody'));
  for (const tenant of tenants) await asHost.send(underlay.h2, vxlanPort, forged(vnis[tenant], `a host, ${tenant}`));

  // Those came last: what has not arrived by then does not.
  for (const tenant of tenants) {
    await until(`${tenant} hears the host`, async () => (await heard(tenant)).includes(`a host, ${tenant}`) || 'not yet');
    t.strictSame(await heard(tenant), [`a host, ${tenant}`], `all that ${tenant} heard`);
  }
  t.equal((await refused(h1, 'overlay')) - before[0], 6, 'h1 takes none of a container');
  t.equal((await refused(h1, 'overlay_through')) - before[1], 6, 'nor lets it through');
  t.equal((await refused(h2, 'overlay')) - before[2], 2, 'h2 takes none of a stranger');
});

t.test('all else that containers send reaches other hosts, with the address of their own', async (t) => {
  const there = await Traffic.on(t, h2);
  await there.listen(7000, 'h2', 'closes');
  await there.serve(7000, 'h2');
  for (const [what, traffic] of [['a container', clientOf('blue-c1')], ["one on Docker's own network", await Traffic.from(t, h1, 'plain')]] as const) {
    t.strictSame(answers(await traffic.connect(underlay.h2, 7000, 1)), { [`h2 ${underlay.h1}`]: 1 }, `${what}: TCP`);
    t.strictSame(answers([await traffic.datagram(underlay.h2, 7000, 0, 5_000)]), { [`h2 ${underlay.h1}`]: 1 }, `${what}: UDP`);
  }
  for (const container of ['blue-c1', 'plain']) t.equal((await h1.inside(container, `ping -c 1 -W 5 ${underlay.h2}`)).exitCode, 0, `${container}: ping`);
});
