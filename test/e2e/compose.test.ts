import t from 'tap';
import { storeKeys } from './support/holdings.js';
import { labHost, until, untilProviders } from './support/lab.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Compose files whose networks are netctl's: as Debian's docker-compose makes them.

const host = await labHost(t, 'comp');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('tenant', 'create', 'blue');
const before = await left();

/** The containers say their names on port 80. */
const web = `
  web:
    image: alpine
    init: true
    command: socat TCP-LISTEN:80,fork,reuseaddr,backlog=512 'OPEN:/etc/hostname,rdonly!!OPEN:/dev/null,wronly'`;

/** Two networks with addresses of netctl, one tenant. The service container is on one, the clients on the other. */
const project = (tenant: string): string => `
version: "2.4"
services:${web}
    networks: [back]
  client:
    image: alpine
    init: true
    command: sleep 100000
    networks: [front, back]
networks:
  front:
    driver: netctl
    driver_opts: {tenant: ${tenant}}
    ipam: {driver: netctl, config: [{subnet: 10.21.0.0/24}]}
  back:
    driver: netctl
    driver_opts: {tenant: ${tenant}}
    ipam: {driver: netctl, config: [{subnet: 10.22.0.0/24, gateway: 10.22.0.254}]}
`;

/** No word of IPAM: Docker's own gives the addresses. */
const plain = `
version: "2.4"
services:${web}
networks:
  default: {driver: netctl}
`;

async function compose(name: string, ...args: string[]): Promise<void> {
  await host.ok('docker-compose', '--ansi', 'never', '-p', name, '-f', `/etc/${name}.yml`, ...args);
}

async function write(name: string, text: string): Promise<void> {
  await host.ok('sh', '-c', `printf '%s' "$1" >/etc/${name}.yml`, 'sh', text);
}

async function left(): Promise<string> {
  return host.ok('sh', '-c', 'netctl net ls -a -q; netctl ep ls -a -q; docker network ls --format "{{.Name}}" | sort; docker ps -aq; ip -br link | grep -o "^[^@ ]*" | grep -v "^nu-"');
}

/** The container that is this one of a project's service. */
async function container(name: string, service: string, number: number): Promise<string> {
  const labels = [`project=${name}`, `service=${service}`, `container-number=${number}`].map((label) => `--filter=label=com.docker.compose.${label}`);
  return host.docker('ps', ...labels, '--format', '{{.Names}}');
}

async function webs(name: string, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => container(name, 'web', index + 1)));
}

/** Each of the containers answers as often as every other. */
async function answersEvenly(t: { strictSame(found: unknown, wanted: unknown, message: string): unknown }, client: Traffic, ip: string, names: readonly string[]): Promise<void> {
  const hostnames = await Promise.all(names.map((name) => host.docker('inspect', '-f', '{{.Config.Hostname}}', name)));
  await until('all of them listen', async () => {
    const found = answers(await client.connect(ip, 80, names.length));
    return Object.keys(found).sort().join() === [...hostnames].sort().join() || Object.keys(found).join();
  });
  const expected = Object.fromEntries(hostnames.map((hostname) => [hostname, 5]));
  t.strictSame(answers(await client.connect(ip, 80, 5 * names.length)), expected, `${names.length} containers`);
}

t.test('two tenants with the same file: up, a service by compose’s label, scale, down', async (t) => {
  for (const [name, tenant] of [['one', 'default'], ['two', 'blue']] as const) await write(name, project(tenant));
  await Promise.all(['one', 'two'].map((name) => compose(name, 'up', '-d', '--scale', 'web=2')));
  for (const [name, tenant] of [['one', 'default'], ['two', 'blue']] as const) {
    await host.netctl('service', 'create', 'shop', '-t', tenant, '-s', `${name}_back`, '-l', 'com.docker.compose.service=web', '-p', '80:80:tcp');
    await untilProviders(host, 'shop', await webs(name, 2), tenant);
    const client = await Traffic.from(t, host, await container(name, 'client', 1));
    await answersEvenly(t, client, (await host.service('shop', tenant)).Oper.serviceVip, await webs(name, 2));
  }
  const client = await Traffic.from(t, host, await container('one', 'client', 1));
  for (const scale of [4, 1]) {
    await compose('one', 'up', '-d', '-t', '1', '--scale', `web=${scale}`);
    await untilProviders(host, 'shop', await webs('one', scale));
    await answersEvenly(t, client, (await host.service('shop')).Oper.serviceVip, await webs('one', scale));
  }
  for (const tenant of ['default', 'blue']) await host.netctl('service', 'rm', 'shop', '-t', tenant);
  await Promise.all(['one', 'two'].map((name) => compose(name, 'down', '-t', '1')));
  t.equal(await left(), before, 'nothing of it is left');
});

t.test('a file that names the driver only: a service on a network of netctl’s balances it', async (t) => {
  await write('plain', plain);
  await compose('plain', 'up', '-d', '--scale', 'web=2');
  t.match(await host.netctl('net', 'ls'), /plain_default/);
  await host.netctl('net', 'create', 'vips', '-s', '100.1.1.0/24', '-g', '100.1.1.254');
  await host.netctl('service', 'create', 'shop', '-s', 'vips', '-l', 'com.docker.compose.service=web', '-p', '80:80:tcp');
  await runClient(host, 'caller', 'vips');
  await untilProviders(host, 'shop', await webs('plain', 2));
  await answersEvenly(t, await Traffic.from(t, host, 'caller'), (await host.service('shop')).Oper.serviceVip, await webs('plain', 2));
  await host.docker('rm', '-f', 'caller');
  await host.netctl('service', 'rm', 'shop');
  await host.netctl('net', 'rm', 'vips');
  await compose('plain', 'down', '-t', '1');
  t.equal(await left(), before, 'nothing of it is left');
  t.strictSame(await storeKeys(host), ['tenants/blue', 'tenants/default']);
});
