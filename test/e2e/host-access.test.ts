import t, { type Test } from 'tap';
import { labHost, until } from './support/lab.js';
import { greeting, hostAddress, outsideOf } from './support/outside.js';
import { runServer } from './support/servers.js';

// Which tenants the host itself reaches, and what is refused for it.

const host = await labHost(t, 'acc', { LAB_NETCTLD_OPTS: '--verify-interval 1' });
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
const outside = await outsideOf(host);
await host.netctl('tenant', 'create', 'blue');
const places = [
  { tenant: 'default', net: '10.1', docker: 'net' },
  { tenant: 'blue', net: '10.2', docker: 'net/blue' },
] as const;
for (const { tenant, net, docker } of places) {
  await host.netctl('net', 'create', 'net', '-t', tenant, '-s', `${net}.1.0/24`, '-g', `${net}.1.254`);
  await host.netctl('net', 'create', 'services', '-t', tenant, '-s', `${net}.2.0/24`);
  await host.netctl('service', 'create', 'web', '-t', tenant, '-s', 'services', '-l', 'tier=web', '-p', '8080:80:tcp', '-ip', `${net}.2.100`);
  await runServer(host, `${tenant}-server`, { network: docker, labels: ['tier=web'] });
}

async function reaches(t: Test, tenant: 'default' | 'blue', expected: boolean): Promise<void> {
  const { net } = tenant === 'default' ? places[0] : places[1];
  const answer = expected ? `${tenant}-server` : /^none/;
  t.match(await greeting(host, `${net}.1.1`, 80), answer, `${tenant}: a container ${expected ? 'answers' : 'is not reached'}`);
  t.match(await greeting(host, `${net}.2.100`, 8080), answer, `${tenant}: a service ${expected ? 'answers' : 'is not reached'}`);
}

async function refused(t: Test, args: readonly string[], reason: RegExp): Promise<void> {
  const { exitCode, stderr } = await host.run('netctl', ...args);
  t.equal(exitCode, 3, `netctl ${args.join(' ')} is refused`);
  t.match(stderr, reason);
}

async function errorOf(tenant: string): Promise<string> {
  const { Oper } = await host.inspect<{ Oper: { error?: string } }>(`tenants/${tenant}`);
  return Oper.error ?? 'none';
}

t.test('tenant default, and no other', async (t) => {
  await reaches(t, 'default', true);
  await reaches(t, 'blue', false);
  t.equal((await host.run('busybox', 'ping', '-c', '1', '-W', '2', '10.1.1.1')).exitCode, 0, 'a ping, too');
});

t.test('other machines do not, whatever route they have', async (t) => {
  await outside.ok('ip', 'route', 'add', '10.0.0.0/8', 'via', hostAddress);
  t.match(await greeting(outside, '10.1.1.1', 80), /^none/, 'a container');
  t.match(await greeting(outside, '10.1.2.100', 8080), /^none/, 'a service');
});

t.test('the host access of a tenant may change', async (t) => {
  t.equal(await host.netctl('tenant', 'create', 'blue', '--host-access'), 'Updating tenant blue');
  t.match(await host.netctl('tenant', 'inspect', 'blue'), /"hostAccess": true/);
  await reaches(t, 'blue', true);
  await reaches(t, 'default', true);
  await host.netctl('tenant', 'create', 'default', '--host-access=false');
  await reaches(t, 'default', false);
  await reaches(t, 'blue', true);
  await host.netctl('tenant', 'create', 'blue', '--host-access=false');
  await reaches(t, 'blue', false);
  await host.netctl('tenant', 'create', 'default', '--host-access');
  await reaches(t, 'default', true);
});

t.test('what overlaps with a route of the host, or with a tenant that it reaches, is refused', async (t) => {
  const remedy = ': use another subnet, or a tenant without host access \\(netctl tenant create NAME\\)';
  await refused(t, ['net', 'create', 'x', '-s', '192.168.50.0/24'], new RegExp(`subnet 192.168.50.0/24 overlaps with route 192.168.50.0/24 dev eth0 of this host${remedy}`));
  await refused(t, ['net', 'create', 'x', '-s', '172.17.128.0/24'], /subnet 172.17.128.0\/24 overlaps with route 172.17.0.0\/16 dev docker0 of this host/);
  t.notMatch(await host.docker('network', 'ls', '--format', '{{.Name}}'), /^x$/m, 'nothing is left of it');
  await host.netctl('net', 'create', 'x', '-t', 'blue', '-s', '192.168.50.0/24', '-g', '192.168.50.254');
  await refused(t, ['tenant', 'create', 'blue', '--host-access'], /subnet 192.168.50.0\/24 overlaps with route 192.168.50.0\/24 dev eth0 of this host/);
  await host.netctl('net', 'rm', 'x', '-t', 'blue');
  await host.netctl('net', 'create', 'x', '-t', 'blue', '-s', '10.1.1.0/28');
  await refused(t, ['tenant', 'create', 'blue', '--host-access'], /subnet 10.1.1.0\/28 overlaps with 10.1.1.0\/24 of network net in tenant default, which this host reaches, too/);
  await host.netctl('net', 'rm', 'x', '-t', 'blue');
  await reaches(t, 'default', true);
});

t.test('what overlaps later is left out, and told', async (t) => {
  await host.ok('ip', 'address', 'add', '10.1.1.250/30', 'dev', 'eth0');
  await until('it is told', async () => {
    const error = await errorOf('default');
    return error === 'the host does not reach subnet 10.1.1.0/24 of network net, because it overlaps with route 10.1.1.248/30 dev eth0 of this host' || error;
  });
  t.match(await greeting(host, '10.1.1.1', 80), /^none/, 'its containers are not reached');
  t.equal(await greeting(host, '10.1.2.100', 8080), 'default-server', 'the other subnet still is');
  await host.ok('ip', 'address', 'del', '10.1.1.250/30', 'dev', 'eth0');
  await until('it is over', async () => (await errorOf('default')) === 'none' || errorOf('default'));
  await reaches(t, 'default', true);
});
