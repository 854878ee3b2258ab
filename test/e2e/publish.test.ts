import t, { type Test } from 'tap';
import { labHost, until } from './support/lab.js';
import { greeting, hostAddress, hostAddress6, outsideAddress, outsideAddress6, outsideOf } from './support/outside.js';
import { runClient, runServer, untilListening } from './support/servers.js';
import { Traffic } from './support/traffic.js';

// `docker run -p`: who reaches a container through its host, whom it sees, and what is refused.

const host = await labHost(t, 'pub', { LAB_DOCKERD_OPTS: '--live-restore' });
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
const outside = await outsideOf(host);
await host.netctl('net', 'create', 'net', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '--subnetv6', 'fd00:1::/64', '--gatewayv6', 'fd00:1::ff');
await host.netctl('net', 'create', 'other', '-s', '10.1.2.0/24', '-g', '10.1.2.254');
await host.netctl('net', 'create', 'bare', '-s', '10.1.3.0/24');
await host.netctl('tenant', 'create', 'blue');
await host.netctl('net', 'create', 'net', '-t', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await runServer(host, 'web', { network: 'net', options: ['-p', '8080:80', '-p', '8081:81', '-p', '53:5353/udp', '--restart', 'always'] });
await runClient(host, 'near', 'net');
await runClient(host, 'far', 'other');
await runClient(host, 'stranger', 'net/blue');
const [client, itself] = [await Traffic.on(t, outside), await Traffic.on(t, host)];
await (await Traffic.from(t, host, 'web')).serve(5353, 'web sees');

async function reached(t: Test, what: string): Promise<void> {
  t.equal(await greeting(outside, hostAddress, 8080), 'web', what);
}

/** A container that cannot be started; what its user reads. */
async function refusal(t: Test, ...options: string[]): Promise<string> {
  const before = await leftOvers();
  const { exitCode, stderr } = await host.run('docker', 'run', '-d', '--rm', '--name', 'refused', '--net=net', ...options, 'alpine', 'sleep', '1000');
  t.not(exitCode, 0, `docker run ${options.join(' ')} is refused`);
  t.equal(await leftOvers(), before, 'nothing is left of it');
  return stderr;
}

/** Endpoints, and the host's rules. */
async function leftOvers(): Promise<string> {
  return host.ok('sh', '-c', `curl -sf --unix-socket /run/netctl/netctl.sock http://netctl/api/v1/inspect/endpoints/ | grep -o '"endpointID":"[^"]*"'; nft list table inet netctl_host`);
}

t.test('from another machine, which the container sees', async (t) => {
  await reached(t, 'over IPv4');
  t.equal((await client.hold(hostAddress, 8081)).greeting, `web ${outsideAddress}`, 'by its own address');
  t.match(await client.datagram(hostAddress, 53, 0), { answer: `web sees ${outsideAddress}` }, 'UDP');
  await host.docker('exec', '-d', 'web', 'socat', 'TCP6-LISTEN:80,ipv6only=1,fork,reuseaddr', 'SYSTEM:echo six $SOCAT_PEERADDR');
  await until('IPv6 answers', async () => (await greeting(outside, hostAddress6, 8080)) === 'six [2001:0db8:0050:0000:0000:0000:0000:0200]' || greeting(outside, hostAddress6, 8080));
  t.equal(outsideAddress6, '2001:db8:50::200', 'which is the address it was');
});

t.test('from the host itself', async (t) => {
  for (const address of ['127.0.0.1', hostAddress]) {
    t.equal(await greeting(host, address, 8080), 'web', address);
    t.match(await itself.datagram(address, 53, 0), { answer: /^web sees / }, `${address}, UDP`);
  }
  t.match(await greeting(host, hostAddress6, 8080), /^six /, hostAddress6);
});

t.test('from containers: of its network, of another one, of another tenant, and its own', async (t) => {
  for (const container of ['near', 'far', 'stranger', 'web']) {
    t.equal(await greeting(host, hostAddress, 8080, container), 'web', container);
    t.match(await (await Traffic.from(t, host, container)).datagram(hostAddress, 53, 0), { answer: /^web sees / }, `${container}, UDP`);
  }
});

t.test('nothing else is reached from outside', async (t) => {
  await host.netctl('service', 'create', 'svc', '-s', 'other', '-l', 'no=body', '-p', '80:80:tcp', '-ip', '10.1.2.100');
  for (const prefix of ['10.1.0.0/16', '169.254.240.0/20']) await outside.ok('ip', 'route', 'add', prefix, 'via', hostAddress, 'dev', 'br0', 'onlink');
  const targets = [['10.1.1.1', 80], ['10.1.2.100', 80], ['169.254.240.1', 8080], ['169.254.240.3', 8080]] as const;
  const answers = await Promise.all(targets.map(([address, port]) => greeting(outside, address, port)));
  t.strictSame(answers, targets.map(() => 'none (timed out)'), 'by a route to the host');
  t.match(await greeting(outside, hostAddress, 81), /refused/, "the container's other ports");
  await host.netctl('service', 'rm', 'svc');
});

t.test('what is published is told', async (t) => {
  const all = '80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n81/tcp -> 0.0.0.0:8081\n81/tcp -> [::]:8081\n5353/udp -> 0.0.0.0:53\n5353/udp -> [::]:53';
  t.strictSame((await host.netctl('port', 'web')).split('\n').sort(), all.split('\n').sort());
  t.equal(await host.netctl('port', 'web', '80'), '0.0.0.0:8080\n[::]:8080');
  t.match(await host.netctl('ep', 'inspect', 'web'), /"hostPort": 8081/);
  t.equal(await host.docker('port', 'web'), '', 'Docker 20.10 itself shows no ports of network drivers that are not its own');
});

t.test('a taken port is refused, and the refusal says whose it is', async (t) => {
  t.match(await refusal(t, '-p', '8080:80'), /port 8080\/tcp of the host is published by container web already: choose another one/);
  t.match(await refusal(t, '-p', '9000:80', '-p', `${hostAddress}:53:53/udp`), /port 53\/udp of 192.168.50.1 is published by container web already/);
  await host.ok('sh', '-c', 'socat TCP-LISTEN:9000,fork /dev/null >/dev/null 2>&1 & echo $! >/run/listener.pid');
  await until('the program listens', async () => (await host.ok('ss', '-Hltn', '( sport = :9000 )')) !== '' || 'not yet');
  t.match(await refusal(t, '-p', '9000:80'), /port 9000\/tcp of the host is in use by another program: choose another one/);
  await host.ok('sh', '-c', 'kill $(cat /run/listener.pid)');
  t.match(await host.run('socat', 'TCP-LISTEN:8080', '/dev/null'), { exitCode: 1, stderr: /Address already in use/ }, 'nor does another program get a published one');
});

t.test('what cannot be published is refused', async (t) => {
  t.match(await refusal(t, '-p', '9000:80/sctp'), /port 80\/sctp cannot be published: netctl publishes TCP and UDP only/);
  t.match(await refusal(t, '-p', '10.9.9.9:9000:80'), /10\.9\.9\.9 is not an address of this host/);
});

t.test('ranges, one address, any port', async (t) => {
  const started = async (name: string, publish: string): Promise<string> => {
    await runServer(host, name, { network: 'net', options: ['-p', publish] });
    return host.netctl('port', name, '80');
  };
  t.match(await started('r1', '9100-9101:80'), /^0\.0\.0\.0:9100$/m);
  t.match(await started('r2', '9100-9101:80'), /^0\.0\.0\.0:9101$/m, 'the next of the range');
  t.match(await refusal(t, '-p', '9100-9101:80'), /none of the ports 9100-9101\/tcp of the host is free for port 80 of the container/);
  t.strictSame([await greeting(outside, hostAddress, 9100), await greeting(outside, hostAddress, 9101)], ['r1', 'r2']);
  t.equal(await started('local', '127.0.0.1:9200:80'), '127.0.0.1:9200');
  t.equal(await greeting(host, '127.0.0.1', 9200), 'local');
  t.match(await greeting(outside, hostAddress, 9200), /refused/, 'at this address only');
  t.match(await greeting(host, hostAddress, 9200), /refused/);
  const port = Number(/0\.0\.0\.0:(\d+)/.exec(await started('any', '80'))?.[1]);
  t.ok(port >= 49_153, `a dynamic port: ${port}`);
  t.equal(await greeting(outside, hostAddress, port), 'any');
  await host.docker('rm', '-f', 'r1', 'r2', 'local', 'any');
  for (const gone of [9100, 9101, port]) t.match(await greeting(outside, hostAddress, gone), /refused/, `${gone} is free again`);
});

t.test('a network without a gateway publishes nothing, as Docker has it', async (t) => {
  await host.docker('run', '-d', '--name', 'quiet', '--net=bare', '-p', '9300:80', 'alpine', 'sleep', '1000');
  t.equal(await host.netctl('port', 'quiet'), '');
  await host.docker('rm', '-f', 'quiet');
});

t.test('a UDP client with a fixed source port follows what is published', async (t) => {
  const publish = async (name: string, network: string): Promise<void> => {
    await runClient(host, name, network, '-p', '5300:5300/udp');
    await (await Traffic.from(t, host, name)).serve(5300, name);
  };
  const ask = (): Promise<{ readonly answer?: string; readonly error?: string }> => client.datagram(hostAddress, 5300, 6000, 1000);
  t.match(await ask(), { error: 'ECONNREFUSED' }, 'before');
  await publish('u1', 'net');
  t.match(await ask(), { answer: `u1 ${outsideAddress}` }, 'one container');
  await host.docker('rm', '-f', 'u1');
  t.match(await ask(), { error: 'ECONNREFUSED' }, 'none');
  await publish('u2', 'net/blue');
  t.match(await ask(), { answer: `u2 ${outsideAddress}` }, 'one of another tenant');
  await host.docker('rm', '-f', 'u2');
});

t.test('netctld may end and come back: open connections live, the port stays taken', async (t) => {
  const open = await client.hold(hostAddress, 8081);
  for (const verb of ['restart', 'kill'] as const) {
    await host.daemon(verb, 'netctld');
    t.equal(await open.say(verb), verb, 'the connection lives');
    await reached(t, 'new ones are answered');
    if (verb === 'kill') await host.daemon('start', 'netctld');
  }
  t.match(await refusal(t, '-p', '8080:80'), /published by container web already/);
  t.strictSame(await open.fate(), { alive: true });
  await host.daemon('stop', 'netctld');
  await host.ok('sh', '-c', 'socat TCP-LISTEN:8081,fork /dev/null >/dev/null 2>&1 & echo $! >/run/listener.pid');
  await until('the program listens', async () => (await host.ok('ss', '-Hltn', '( sport = :8081 )')) !== '' || 'not yet');
  await host.daemon('start', 'netctld');
  t.match(await host.netctl('ep', 'inspect', 'web'), /"error": "port 8081\/tcp of the host is in use by another program: choose another one"/, 'a port that was lost meanwhile is told');
  t.equal(await open.say('still'), 'still', 'and leads to the container all the same');
  await host.ok('sh', '-c', 'kill $(cat /run/listener.pid)');
});

t.test('docker stop frees the ports, docker start publishes them again', async (t) => {
  await host.docker('stop', '-t', '1', 'web');
  t.match(await greeting(outside, hostAddress, 8080), /refused/);
  await runServer(host, 'next', { network: 'net/blue', options: ['-p', '8080:80'] });
  t.equal(await greeting(outside, hostAddress, 8080), 'next', 'another container has it now');
  const start = await host.run('docker', 'start', 'web');
  t.match(start.stderr, /port 8080\/tcp of the host is published by container next already/);
  await host.docker('rm', '-f', 'next');
  await host.docker('start', 'web');
  await untilListening(host, 'web');
  await reached(t, 'the first one again');
});

t.test('dockerd may end and come back', async (t) => {
  // Its containers go on without it, and then they are taken along and brought back.
  for (const options of ['--live-restore', '']) {
    await host.daemon('stop', 'dockerd');
    await host.daemon('start', 'dockerd', { LAB_DOCKERD_OPTS: options });
    await until('web runs', async () => (await host.docker('inspect', '-f', '{{.State.Running}}', 'web')) === 'true' || 'no');
    await untilListening(host, 'web');
    await reached(t, `with options "${options}"`);
    t.match(await refusal(t, '-p', '8080:80'), /published by container web already/);
  }
  await host.docker('rm', '-f', 'web');
  t.match(await greeting(outside, hostAddress, 8080), /refused/, 'and is removed as ever');
});

t.test('nothing is left', async (t) => {
  await host.docker('rm', '-f', 'near', 'far', 'stranger');
  await host.netctl('net', 'rm', 'net', 'other', 'bare');
  await host.netctl('net', 'rm', 'net', '-t', 'blue');
  await until('the host has no table of netctl', async () => (await host.run('nft', 'list', 'table', 'inet', 'netctl_host')).exitCode !== 0 || 'it has');
  t.notMatch(await host.ok('ip', '-br', 'link'), /nu-/, 'nor an uplink');
  t.notMatch(await host.ok('iptables', '-S', 'FORWARD'), /nu-/, 'nor a rule in FORWARD');
});
