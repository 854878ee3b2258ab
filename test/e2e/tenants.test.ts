import t, { type Test } from 'tap';
import { labHost, untilProviders } from './support/lab.js';
import { storeKeys } from './support/holdings.js';
import { runClient, runServer } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Two tenants, and tenant default, that are alike to the last address. Nothing tells their packets apart but the
// tenant that they belong to.

const tenants = ['default', 'red', 'blue'] as const;
const serviceIp = '100.1.1.1';

const host = await labHost(t, 'ten');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
const before = await host.ok('sh', '-c', 'ip -br link | grep -o "^[^@ ]*"');
const dockerBefore = await dockerNetworks();
for (const tenant of tenants) {
  if (tenant !== 'default') await host.netctl('tenant', 'create', tenant);
  await host.netctl('net', 'create', 'services', '-t', tenant, '-s', '100.1.1.0/24');
  await host.netctl('net', 'create', 'app', '-t', tenant, '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await host.netctl('net', 'create', 'users', '-t', tenant, '-s', '11.1.1.0/24', '-g', '11.1.1.254');
  await host.netctl('service', 'create', 'web', '-t', tenant, '-s', 'services', '-l', 'tier=web', '-p', '8080:80:tcp', '-p', '53:5353:udp');
}
for (const tenant of tenants) {
  await runTenantServer(tenant);
  await runClient(host, `${tenant}-client`, dockerName('users', tenant));
  await untilProviders(host, 'web', [`${tenant}-server`], tenant);
}
const clients = new Map<string, Traffic>();
for (const tenant of tenants) clients.set(tenant, await Traffic.from(t, host, `${tenant}-client`));

async function runTenantServer(tenant: string): Promise<void> {
  const name = `${tenant}-server`;
  await runServer(host, name, { network: dockerName('app', tenant), labels: ['tier=web'] });
  await (await Traffic.from(t, host, name)).serve(5353, name);
}

/** As Contiv names them. */
function dockerName(network: string, tenant: string): string {
  return tenant === 'default' ? network : `${network}/${tenant}`;
}

async function dockerNetworks(): Promise<string[]> {
  return (await host.docker('network', 'ls', '--format', '{{.Name}}')).split('\n').sort();
}

/** TCP and UDP, to the service and to the server itself. */
async function reachesOnly(t: Test, tenant: string): Promise<void> {
  const client = clients.get(tenant);
  if (!client) throw new Error(`no client in ${tenant}`);
  const own = `${tenant}-server`;
  t.strictSame(answers(await client.connect(serviceIp, 8080, 50)), { [own]: 50 }, `TCP from ${tenant}`);
  const datagrams = [];
  for (let count = 0; count < 50; count++) datagrams.push(await client.datagram(serviceIp, 53, 0));
  t.strictSame(answers(datagrams), { [`${own} 11.1.1.1`]: 50 }, `UDP from ${tenant}`);
}

t.test('the same addresses everywhere', async (t) => {
  for (const tenant of tenants) {
    const address = (container: string): Promise<string> =>
      host.docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container);
    t.equal((await host.service('web', tenant)).Oper.serviceVip, serviceIp);
    t.strictSame([await address(`${tenant}-server`), await address(`${tenant}-client`)], ['10.1.1.1', '11.1.1.1'], tenant);
  }
});

t.test('Docker knows each network under a name of its own', async (t) => {
  const names = tenants.flatMap((tenant) => ['app', 'services', 'users'].map((network) => dockerName(network, tenant)));
  t.strictSame(await dockerNetworks(), [...dockerBefore, ...names].sort());
  t.ok(names.includes('app/red') && names.includes('app'), 'NAME/TENANT, and NAME in tenant default');
});

t.test('each tenant reaches its own', async (t) => {
  for (const tenant of tenants) await reachesOnly(t, tenant);
});

t.test('all at once, each still reaches its own', async (t) => {
  await Promise.all(tenants.map((tenant) => reachesOnly(t, tenant)));
});

t.test('a tenant without provider reaches nobody else’s', async (t) => {
  await host.docker('stop', 'red-server');
  await untilProviders(host, 'web', [], 'red');
  t.strictSame(answers((await clients.get('red')?.connect(serviceIp, 8080, 10)) ?? []), { ECONNREFUSED: 10 });
  await reachesOnly(t, 'blue');
  await host.docker('rm', 'red-server');
  await runTenantServer('red');
  await untilProviders(host, 'web', ['red-server'], 'red');
  await reachesOnly(t, 'red');
});

async function refused(t: Test, args: readonly string[], reason: RegExp): Promise<void> {
  const { exitCode, stderr } = await host.run('netctl', ...args);
  t.equal(exitCode, 3, `netctl ${args.join(' ')} is refused`);
  t.match(stderr, reason);
}

t.test('what is in use is not deleted, and its users are named', async (t) => {
  await refused(t, ['tenant', 'rm', 'red'], /tenant red cannot be deleted: it has 3 networks \(app, services, users\)/);
  await refused(t, ['net', 'rm', 'services', '-t', 'red'], /network services cannot be deleted: 1 service \(web\)/);
  await refused(t, ['net', 'rm', 'app', '-t', 'red'], /network app cannot be deleted: 1 endpoint \(10\.1\.1\.\d\)/);
  await reachesOnly(t, 'red');
});

async function deleteTenant(tenant: string): Promise<void> {
  await host.docker('rm', '-f', `${tenant}-server`, `${tenant}-client`);
  await host.netctl('service', 'rm', 'web', '-t', tenant);
  await host.netctl('net', 'rm', 'app', 'services', 'users', '-t', tenant);
  if (tenant !== 'default') await host.netctl('tenant', 'rm', tenant);
}

t.test('deleting one tenant leaves the others', async (t) => {
  await deleteTenant('red');
  t.notMatch(await host.ok('ip', 'netns', 'list'), 'netctl-red', 'its router is gone');
  await refused(t, ['service', 'ls', '-t', 'red'], /tenant red/);
  for (const tenant of ['default', 'blue']) await reachesOnly(t, tenant);
});

t.test('nothing is left after all is deleted', async (t) => {
  await deleteTenant('blue');
  await deleteTenant('default');
  t.notMatch(await host.ok('ip', 'netns', 'list'), /netctl-/, 'no router');
  t.equal(await host.ok('sh', '-c', 'ip -br link | grep -o "^[^@ ]*"'), before, 'no link');
  t.strictSame(await dockerNetworks(), dockerBefore, 'no Docker network');
  t.strictSame(await storeKeys(host), ['tenants/default'], 'nothing in the store but tenant default');
});
