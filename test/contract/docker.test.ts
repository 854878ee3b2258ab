import t, { type Test } from 'tap';
import { openDocker, type DockerClient } from '../../daemon/docker/client.js';
import { createDockerEngine } from '../../daemon/docker/engine.js';
import type { DockerEngine, DockerNetworkRequest } from '../../daemon/docker/port.js';
import { watchContainers } from '../../daemon/docker/watch.js';
import { createPluginServer } from '../../plugin/server.js';
import { IpAddress } from '../../src/model/address.js';
import { NetctlError } from '../../src/model/errors.js';
import { recordingLogger, type LogLine } from '../unit/plugin/client.js';
import { Told, until } from '../unit/docker/told.js';
import { DockerHost } from './docker-lab.js';
import { SmallDriver } from './docker-driver.js';

// The plugin protocol, the engine client and the container watch, against a real Docker.

t.setTimeout(180_000);
if (process.getuid?.() !== 0 && process.env['CI'] === undefined) t.plan(0, 'a lab host needs root');
else await t.test('a real Docker', withDocker);

async function withDocker(t: Test): Promise<void> {
  const host = await DockerHost.up(t);
  const driver = new SmallDriver(host);
  const logs: LogLine[] = [];
  const plugin = createPluginServer({ addresses: driver, endpoints: driver, publications: driver, logger: recordingLogger(logs) });
  await plugin.listen(host.path('/run/docker/plugins/netctl.sock'));
  const docker = openDocker(host.path('/run/docker.sock'));
  const engine = createDockerEngine(docker);
  const told = new Told();
  const watch = watchContainers({ docker, listener: told, logger: recordingLogger(logs) });
  t.teardown(() => watch.close());
  await until('connected', () => told.lines.length === 1);

  await t.test('networks', (t) => networks(t, host, engine, driver));
  await t.test('a container joins, and leaves', (t) => joins(t, { host, docker, engine, driver, told }));
  await t.test('a network without gateway', (t) => noGateway(t, host, engine, driver));
  await t.test('the drain', (t) => drains(t, host, told));
  await t.test('pause, health and restart', (t) => lives(t, host, told));
  await t.test('an end that Docker has not told of', (t) => ends(t, host, told));
  await t.test('Docker goes and comes', (t) => returns(t, host, told));
  t.notOk(logs.some((line) => line.level === 'error'), 'nothing failed');
  await plugin.close();
}

function request(name: string, subnet: string, gateway?: string): DockerNetworkRequest {
  const options = { tenant: 'blue', network: name };
  return { name, options, ipamOptions: options, subnets: [{ subnet, ...(gateway !== undefined && { gateway }) }], ipv6: false, internal: false, addressesBy: 'netctl' };
}

async function networks(t: Test, host: DockerHost, engine: DockerEngine, driver: SmallDriver): Promise<void> {
  const id = await engine.createNetwork(request('net1/blue', '10.1.1.0/24', '10.1.1.254'));
  t.strictSame(driver.taken(), ['requestPool blue net1/blue 10.1.1.0/24', 'requestAddress blue:net1/blue:4 gateway 10.1.1.254', 'createNetwork blue net1/blue']);
  t.strictSame(await engine.listNetworks(), [{ id, name: 'net1/blue', driver: 'netctl', options: { tenant: 'blue', network: 'net1/blue' } }]);
  await t.rejects(engine.createNetwork(request('net1/blue', '10.1.2.0/24')), { code: 'conflict', message: /already exists/ });
  await t.rejects(host.docker('network', 'create', '-d', 'netctl', '--ipam-driver', 'netctl', '--subnet', '10.9.0.0/24', 'byhand'), /here Docker makes no network by itself/);
  driver.taken();
  await engine.removeNetwork(id);
  t.strictSame(driver.taken(), ['releaseAddress blue:net1/blue:4 10.1.1.254', 'releasePool blue:net1/blue:4', 'deleteNetwork net1/blue']);
  await engine.removeNetwork(id);
  t.strictSame(await engine.listNetworks(), []);

  const both = request('net2', '10.1.1.0/24', '10.1.1.254');
  const dual = await engine.createNetwork({ ...both, ipv6: true, subnets: [...both.subnets, { subnet: 'fd00:1::/64', gateway: 'fd00:1::1' }] });
  t.strictSame(driver.taken(), [
    'requestPool blue net2 10.1.1.0/24',
    'requestAddress blue:net2:4 gateway 10.1.1.254',
    'requestPool blue net2 fd00:1::/64',
    'requestAddress blue:net2:6 gateway fd00:1::1',
    'createNetwork blue net2',
  ]);
  await engine.removeNetwork(dual);
}

interface Rig {
  readonly host: DockerHost;
  readonly docker: DockerClient;
  readonly engine: DockerEngine;
  readonly driver: SmallDriver;
  readonly told: Told;
}

async function joins(t: Test, { host, docker, engine, driver, told }: Rig): Promise<void> {
  driver.gateways.set('net1', IpAddress.parse('10.1.1.254'));
  const network = await engine.createNetwork(request('net1', '10.1.1.0/24', '10.1.1.254'));
  driver.taken();
  const id = await host.docker('run', '-itd', '--name', 'c1', '--network', 'net1', '--label', 'tier=web', '--label', 'empty=', 'alpine', 'sh');
  t.strictSame(driver.taken(), ['requestAddress blue:net1:4 endpoint', 'createEndpoint 10.1.1.6', 'join']);
  t.match(await host.docker('exec', 'c1', 'ip', 'route'), /^default via 10\.1\.1\.254 dev eth0/);
  t.match(await host.docker('exec', 'c1', 'ip', 'link'), /02:02:0a:01:01:06/);
  await until('told', () => told.now.get(id)?.state === 'running' && told.now.get(id)?.attachments[0]?.endpointId !== '');
  const endpointId = await host.docker('inspect', '-f', '{{.NetworkSettings.Networks.net1.EndpointID}}', 'c1');
  t.strictSame(told.now.get(id), { id, name: 'c1', labels: { tier: 'web', empty: '' }, state: 'running', health: 'none', stopping: false, attachments: [{ networkName: 'net1', networkId: network, endpointId }] });

  // Over the API: newer command lines of Docker refuse to send a MAC address to an older engine.
  const given = await docker.api.createContainer({
    name: 'c2',
    Image: 'alpine',
    Cmd: ['sh'],
    Tty: true,
    HostConfig: { NetworkMode: 'net1' },
    NetworkingConfig: { EndpointsConfig: { net1: { IPAMConfig: { IPv4Address: '10.1.1.77' } } } },
    ...{ MacAddress: '02:42:00:00:00:77' },
  });
  await given.start();
  t.strictSame(driver.taken(), ['requestAddress blue:net1:4 endpoint 10.1.1.77', 'createEndpoint 10.1.1.77 02:42:00:00:00:77', 'join']);
  driver.refusal = new NetctlError('conflict', 'port 8080/tcp is taken');
  await t.rejects(
    host.docker('run', '-d', '--name', 'c3', '--network', 'net1', '-p', '8080:80', '-p', '192.168.1.1:5300-5310:53/udp', '-p', '9/sctp', 'alpine', 'sh'),
    { message: /port 8080\/tcp is taken/ },
    'the user reads why',
  );
  driver.refusal = undefined;
  const [published = '', ...takenBack] = driver.taken().slice(3);
  t.strictSame(published.split(' ').sort(), ['192.168.1.1:5300-5310:53/17', ':0-0:9/132', ':8080-8080:80/6', 'publish'], 'what Docker says of ports');
  t.strictSame(takenBack.sort(), ['deleteEndpoint', 'leave', 'releaseAddress blue:net1:4 10.1.1.7'], 'Docker takes it all back');
  await t.rejects(engine.removeNetwork(network), { code: 'in-use' });
  await host.docker('rm', '-f', 'c1', 'c2', 'c3');
  t.strictSame(driver.taken().sort(), ['deleteEndpoint', 'deleteEndpoint', 'leave', 'leave', 'releaseAddress blue:net1:4 10.1.1.6', 'releaseAddress blue:net1:4 10.1.1.77']);
  await until('removed', () => told.now.size === 0);
  await engine.removeNetwork(network);
}

async function noGateway(t: Test, host: DockerHost, engine: DockerEngine, driver: SmallDriver): Promise<void> {
  const network = await engine.createNetwork(request('bare', '10.7.0.0/24'));
  t.ok(driver.taken().includes('requestAddress blue:bare:4 gateway'), 'Docker asks all the same');
  await host.docker('run', '-itd', '--name', 'c1', '--network', 'bare', 'alpine', 'sh');
  t.equal((await host.docker('exec', 'c1', 'ip', 'route')).trim(), '10.7.0.0/24 dev eth0 scope link  src 10.7.0.6', 'no default route');
  t.strictSame((await host.docker('exec', 'c1', 'ls', '/sys/class/net')).split(/\s+/), ['eth0', 'lo'], 'no second interface');
  await host.docker('rm', '-f', 'c1');
  await engine.removeNetwork(network);
}

async function drains(t: Test, host: DockerHost, told: Told): Promise<void> {
  const stubborn = 'trap : TERM HUP; while :; do sleep 1 & wait $!; done';
  const id = await host.docker('run', '-d', '--name', 'c1', '--stop-timeout', '1', 'alpine', 'sh', '-c', stubborn);
  await until('running', () => told.now.get(id)?.state === 'running');
  const since = told.lines.length;
  const lines = (): string[] => told.lines.slice(since);
  await host.docker('kill', '-s', 'HUP', 'c1');
  await host.docker('kill', '-s', 'TERM', 'c1');
  await until('it drains, and is back', () => lines().length === 2);
  t.strictSame(lines(), [`changed ${id} running stopping`, `changed ${id} running`], 'SIGHUP is not told, SIGTERM is until its time-out is over');
  const stopped = host.docker('stop', 'c1');
  await until('it drains again', () => lines().length === 3);
  t.equal((await host.docker('inspect', '-f', '{{.State.Status}}', 'c1')).trim(), 'running', 'while it still runs');
  await stopped;
  await until('exited', () => told.now.get(id)?.state === 'exited');
  t.strictSame(lines().slice(2, 4), [`changed ${id} running stopping`, `changed ${id} exited`]);
  await host.docker('start', 'c1');
  await until('started again', () => told.lines.at(-1) === `changed ${id} running`);
  await host.docker('rm', '-f', 'c1');
  await until('removed', () => !told.now.has(id));
}

async function lives(t: Test, host: DockerHost, told: Told): Promise<void> {
  const id = await host.docker('run', '-itd', '--name', 'c1', '--health-cmd', 'test -e /well', '--health-interval', '200ms', '--health-retries', '1', 'alpine', 'sh');
  await until('unhealthy', () => told.now.get(id)?.health === 'unhealthy');
  await host.docker('exec', 'c1', 'touch', '/well');
  await until('healthy', () => told.now.get(id)?.health === 'healthy');
  await host.docker('pause', 'c1');
  await until('paused', () => told.now.get(id)?.state === 'paused');
  await host.docker('unpause', 'c1');
  await until('unpaused', () => told.now.get(id)?.state === 'running');
  await host.docker('rename', 'c1', 'c2');
  await until('renamed', () => told.now.get(id)?.name === 'c2');
  const before = told.lines.length;
  await host.docker('restart', '-t', '0', 'c2');
  await until('running again', () => told.now.get(id)?.state === 'running' && told.now.get(id)?.stopping === false);
  t.ok(told.lines.slice(before).some((line) => line.includes('exited')), 'the end in between was told');
  await host.docker('rm', '-f', 'c2');
}

async function ends(t: Test, host: DockerHost, told: Told): Promise<void> {
  const id = await host.docker('run', '-itd', '--name', 'c1', 'alpine', 'sh');
  await until('running', () => told.now.get(id)?.state === 'running');
  const pid = Number(await host.docker('inspect', '-f', '{{.State.Pid}}', 'c1'));
  // Docker can say nothing now, only the kernel can.
  await host.daemon('pause');
  try {
    process.kill(pid, 'SIGKILL');
    await until('exited', () => told.now.get(id)?.state === 'exited');
  } finally {
    await host.daemon('continue');
  }
  const before = told.lines.length;
  await host.docker('wait', 'c1');
  await host.docker('start', 'c1');
  await until('running again', () => told.now.get(id)?.state === 'running');
  t.notOk(told.lines.slice(before, -1).some((line) => line.includes('running')), 'it did not run in between, whatever Docker answered');
  await host.docker('rm', '-f', 'c1');
}

async function returns(t: Test, host: DockerHost, told: Told): Promise<void> {
  // Docker stops the containers of a run of its own that crashed, each within its time-out, before it answers.
  const id = await host.docker('run', '-itd', '--name', 'c1', '--stop-timeout', '1', 'alpine', 'sh');
  await until('running', () => told.now.get(id)?.state === 'running');
  const lost = told.reasons.length;
  const connections = (): number => told.lines.filter((line) => line.startsWith('connected')).length;
  const connected = connections();
  await host.daemon('kill');
  await until('lost', () => told.reasons.length === lost + 1);
  t.equal(told.now.get(id)?.state, 'running', 'the best knowledge stays');
  await host.daemon('start');
  await until('connected', () => connections() === connected + 1, 15_000);
  t.equal(told.reasons.length, lost + 1, 'one loss, told once');
  const state = await host.docker('inspect', '-f', '{{.State.Status}}', 'c1');
  await until(`as Docker has it: ${state}`, () => told.now.get(id)?.state === state);
  await host.docker('rm', '-f', 'c1');
}
