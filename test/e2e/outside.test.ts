import t, { type Test } from 'tap';
import { labHost, until } from './support/lab.js';
import { greeting, hostAddress, outsideAddress, outsideAddress6, outsideOf } from './support/outside.js';
import { runClient } from './support/servers.js';
import { Traffic } from './support/traffic.js';

// What containers reach outside, beside Docker's own rules.

const host = await labHost(t, 'out', { LAB_NETCTLD_OPTS: '--verify-interval 1' });
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
const outside = await outsideOf(host);
/** The host's, as socat writes it. */
const socatAddress6 = '2001:0db8:0050:0000:0000:0000:0000:0001';
await host.netctl('net', 'create', 'net', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '--subnetv6', 'fd00:1::/64', '--gatewayv6', 'fd00:1::ff');
await host.netctl('net', 'create', 'bare', '-s', '10.1.3.0/24');
await host.netctl('net', 'create', 'inner', '-s', '10.1.4.0/24', '-g', '10.1.4.254', '--internal');
await host.netctl('tenant', 'create', 'blue');
await host.netctl('net', 'create', 'net', '-t', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
for (const [name, network] of [['web', 'net'], ['stranger', 'net/blue'], ['quiet', 'bare'], ['kept', 'inner']] as const) await runClient(host, name, network, '--restart', 'always');
await (await Traffic.on(t, outside)).serve(7000, 'you are');
const listeners = ['TCP-LISTEN:7001,fork,reuseaddr', 'TCP6-LISTEN:7002,ipv6only=1,fork,reuseaddr'];
await outside.ok('sh', '-c', listeners.map((listener, index) => `socat ${listener} 'SYSTEM:echo you are $SOCAT_PEERADDR' >/dev/null 2>&1 & echo $! >/tmp/listener-${host.labName}-${index}`).join('\n'));
t.teardown(() => outside.run('sh', '-c', `for file in /tmp/listener-${host.labName}-*; do kill $(cat $file); rm $file; done`));
await until('they listen', async () => (await outside.ok('ss', '-Hltn', '( sport = :7001 or sport = :7002 )')).split('\n').length === 2 || 'not yet');

/** TCP, UDP and ping; what the other machine sees is the host's address. */
async function reachesOutside(t: Test, container: string, what = container): Promise<void> {
  t.equal(await greeting(host, outsideAddress, 7001, container), `you are ${hostAddress}`, `${what}: TCP`);
  t.match(await (await Traffic.from(t, host, container)).datagram(outsideAddress, 7000, 0, 2000), { answer: `you are ${hostAddress}` }, `${what}: UDP`);
  t.equal((await host.inside(container, `ping -c 1 -W 2 ${outsideAddress}`)).exitCode, 0, `${what}: ping`);
}

t.test("Docker's rules are against it", async (t) => {
  t.match(await host.ok('iptables', '-S', 'FORWARD'), /^-P FORWARD DROP$/m, 'Docker lets nothing through that is not its own');
});

t.test('from a network with a gateway', async (t) => {
  await reachesOutside(t, 'web');
  t.equal(await greeting(host, outsideAddress6, 7002, 'web'), `you are [${socatAddress6}]`, 'IPv6, too');
});

t.test('from two tenants that have the same addresses, at once', async (t) => {
  t.match(await host.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', 'web', 'stranger'), /^10\.1\.1\.1\n10\.1\.1\.1$/);
  await Promise.all(['web', 'stranger'].map((container) => reachesOutside(t, container)));
});

t.test('not from a network without a gateway, nor from an internal one', async (t) => {
  for (const container of ['quiet', 'kept']) {
    t.match(await greeting(host, outsideAddress, 7001, container), /^none/, `${container}: TCP`);
    t.not((await host.inside(container, `ping -c 1 -W 1 ${outsideAddress}`)).exitCode, 0, `${container}: ping`);
  }
  t.match(await host.docker('exec', 'kept', 'ip', 'route'), /^default via 10.1.4.254/, 'though an internal one may have a gateway');
});

t.test('tenants do not reach each other by the way out', async (t) => {
  await host.docker('exec', '-d', 'stranger', 'socat', 'TCP-LISTEN:80,fork,reuseaddr', 'SYSTEM:echo stranger');
  t.match(await greeting(host, '169.254.240.3', 80, 'web'), /^none/, "another tenant's end of its uplink");
});

t.test("of Docker's own networks what they publish is reached, as from one of them to the other", async (t) => {
  await host.docker('network', 'create', 'own');
  t.teardown(() => host.run('sh', '-c', 'docker rm -f plain other; docker network rm own'));
  for (const [name, network] of [['plain', 'bridge'], ['other', 'own']] as const) {
    await runClient(host, name, network, '-p', name === 'plain' ? '8201:80' : '8202:80');
    await host.docker('exec', '-d', name, 'socat', 'TCP-LISTEN:80,fork,reuseaddr', `SYSTEM:echo ${name}`);
    const address = await host.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name);
    await until(`${name} listens`, async () => (await greeting(host, address, 80)) === name || 'not yet');
    // Docker makes a link for each network, of which netctld learns a little later.
    await until(`${name} is out of reach`, async () => /^none/.test(await greeting(host, address, 80, 'web')) || 'still in reach');
    t.equal(await greeting(host, hostAddress, name === 'plain' ? 8201 : 8202, 'web'), name, `what ${name} publishes`);
  }
});

t.test('somebody reloads the firewall: it comes back', async (t) => {
  for (const damage of ['iptables -F FORWARD', 'iptables -P FORWARD DROP; iptables -F; iptables -t nat -F', 'nft delete table inet netctl_host', 'ip route flush dev nu-0; ip addr flush dev nu-0']) {
    await host.ok('sh', '-c', damage);
    await until(damage, async () => {
      const seen = await greeting(host, outsideAddress, 7001, 'web');
      return seen === `you are ${hostAddress}` || seen;
    });
    await reachesOutside(t, 'web', `after "${damage}"`);
  }
  t.match(await host.netctl('events'), /HostRepaired/, 'and is told');
});

t.test('Docker may end and come back', async (t) => {
  await host.daemon('restart', 'dockerd');
  t.match(await host.ok('iptables', '-S', 'FORWARD'), /^-P FORWARD DROP$/m);
  await until('the containers run', async () => (await host.docker('ps', '-q')).split('\n').length === 4 || 'not yet');
  for (const container of ['web', 'stranger']) await reachesOutside(t, container);
});

t.test('a network that is deleted takes its way out along', async (t) => {
  await host.docker('rm', '-f', 'stranger');
  await host.netctl('net', 'rm', 'net', '-t', 'blue');
  await until('its uplink is gone', async () => !(await host.ok('ip', '-br', 'link')).includes('nu-1') || 'it is there');
  await reachesOutside(t, 'web', 'the other tenant');
});
