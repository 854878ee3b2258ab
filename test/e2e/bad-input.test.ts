import t, { type Test } from 'tap';
import { holdings } from './support/holdings.js';
import { labHost, until, untilProviders } from './support/lab.js';
import { runClient } from './support/servers.js';

// What netctl, the REST API and the plugin refuse: with a clear reason, and without changing anything.

const host = await labHost(t, 'bad');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '-p', '7');
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('service', 'create', 'web', '-s', 'services', '-ip', '100.1.1.9', '-l', 'tier=web', '-p', '80:80:tcp');
await host.netctl('tenant', 'create', 'red');
await host.netctl('net', 'create', 'red-only', '-t', 'red', '-s', '10.1.1.0/24');
await runClient(host, 'taker', 'services', '--ip', '100.1.1.5', '--label=tier=web');
await untilProviders(host, 'web', ['taker']);

/** Contiv's exit codes: the command line is wrong, or netctld refused. */
const usage = 1;
const refused = 3;

type Case = readonly [line: string | readonly string[], exitCode: typeof usage | typeof refused, reason: RegExp];

/** Each fails as it should, says why in one line on stderr and nothing on stdout, and leaves everything as it was. */
async function eachFails(t: Test, cases: readonly Case[]): Promise<void> {
  const before = await holdings(host);
  for (const [line, code, reason] of cases) {
    const args = typeof line === 'string' ? line.split(' ') : line;
    const { exitCode, stdout, stderr } = await host.run('netctl', ...args);
    const [sentence = ''] = stderr.split('\n');
    t.strictSame({ exitCode, stdout }, { exitCode: code, stdout: '' }, args.join(' '));
    t.match(sentence, reason, sentence);
    t.match(sentence, /^netctl: \S/, 'says who speaks');
  }
  t.equal(await holdings(host), before, 'nothing was changed');
}

const long = (length: number): string => 'x'.repeat(length);

t.test('networks', (t) =>
  eachFails(t, [
    ['net create', usage, /NETWORK/],
    ['net create n', usage, /needs --subnet/],
    ['net create n -s 10.2.0.0/24 -p seven', usage, /pkt-tag .* is "seven", which is not a number/],
    ['net create n -s 10.2.0.0/24 --colour blue', usage, /colour/],
    ['net create n -s 10.2.0.0', refused, /"10\.2\.0\.0" is not a subnet/],
    ['net create n -s 10.2.0/24', refused, /is not a subnet/],
    ['net create n -s 10.2.0.256/24', refused, /is not a subnet/],
    ['net create n -s 10.2.0.0/32', refused, /single address/],
    ['net create n -s 10.2.0.0/33', refused, /length of 8 to 31/],
    ['net create n -s 10.0.0.0/7', refused, /length of 8 to 31/],
    ['net create n -s 127.1.0.0/16', refused, /loopback/],
    ['net create n -s 224.1.0.0/16', refused, /multicast/],
    ['net create n -s 10.2.0.50-10.2.1.10/24', refused, /does not lie in one subnet/],
    ['net create n -s 10.2.0.50-10.2.0.10/24', refused, /reversed/],
    ['net create n -s 2001:db8::/64', refused, /IPv6 subnet where an IPv4 subnet belongs/],
    ['net create n -s 10.2.0.0/24 -g 10.2.0.0', refused, /network address/],
    ['net create n -s 10.2.0.0/24 -g 10.2.0.255', refused, /broadcast address/],
    ['net create n -s 10.2.0.0/24 -g 10.2.1.1', refused, /not in subnet/],
    ['net create n -s 10.2.0.0/24 -g first', refused, /"first" is not an IP address/],
    ['net create n -s6 2001:db8::/128', refused, /single address/],
    ['net create n -s6 fe80::/64', refused, /link-local/],
    ['net create n -s 10.2.0.0/24 -g6 2001:db8::1', refused, /no IPv6 subnet/],
    ['net create n -s 10.1.1.128/25', refused, /overlaps with 10\.1\.1\.0\/24 of network blue in tenant default/],
    ['net create n -s 10.0.0.0/8', refused, /overlaps with .* of network blue/],
    ['net create n -s 10.2.0.0/24 -p 7', refused, /packet tag 7 is not available/],
    ['net create n -s 10.2.0.0/24 -p 16777216', refused, /not in 1\.\.16777215/],
    ['net create n -s 10.2.0.0/24 -e vlan', refused, /encapsulation "vlan" is not supported/],
    ['net create n -s 10.2.0.0/24 -n infra', refused, /network type "infra" is not supported/],
    ['net create n -s 10.2.0.0/24 -t nobody', refused, /tenant nobody/],
    ['net create blue -s 10.1.1.0/24 -g 10.1.1.253', refused, /exists with another subnet or gateway: a network cannot be changed/],
    ['net create blue -s 10.1.2.0/24 -g 10.1.2.254', refused, /a network cannot be changed/],
    ['net create blue -s 10.1.1.0/24 -g 10.1.1.254 -p 8', refused, /exists with another packet tag/],
    ['net rm nothing', refused, /nothing/],
    ['net inspect nothing', refused, /nothing/],
    ['net rm red-only', refused, /red-only/],
  ]),
);

t.test('names', (t) =>
  eachFails(t, [
    ...['a_b', 'a b', 'a/b', 'ä', '.a', 'a.', 'a..b', 'a-'].map((name): Case => [['tenant', 'create', name], refused, /is not a valid tenant name/]),
    ['net create a@b -s 10.2.0.0/24', refused, /"a@b" is not a valid network name/],
    ['service create a_b -s services -l a=b -p 80:80:tcp', refused, /"a_b" is not a valid service name/],
    ['net create a:b -s 10.2.0.0/24', refused, /write it as tenant:name/],
    [['net', 'create', '', '-s', '10.2.0.0/24'], usage, /NETWORK|name/],
    [`tenant create ${long(65)}`, refused, /at most 64/],
    [`net create ${long(65)} -s 10.2.0.0/24`, refused, /at most 64/],
    [`service create ${long(257)} -s services -l a=b -p 80:80:tcp`, refused, /at most 256/],
    ['tenant create one two', usage, /two/],
    ['tenants ls', usage, /tenants/],
  ]),
);

const service = 'service create s -s services -l a=b';
const port = (text: string): readonly string[] => [...service.split(' '), `--port=${text}`];

t.test('ports', (t) =>
  eachFails(t, [
    [service, usage, /port/],
    ...['80', '80:80', '80:80:tcp:x', '::', '', ':80:tcp'].map((text): Case => [port(text), refused, /invalid port mapping/]),
    ...['0:80:tcp', '-1:80:tcp', '65536:80:tcp', '70000:80:tcp', 'http:80:tcp', '80:0:tcp', '80:65536:udp', '8e1:80:tcp', ' 80:80:tcp'].map(
      (text): Case => [port(text), refused, /is not a number in 1\.\.65535/],
    ),
    [port('80:80:sctp'), refused, /unknown protocol "sctp", use TCP or UDP/],
    [`${service} -p 80:80:tcp -p 81`, refused, /invalid port mapping "81"/],
    [`${service} -p 80:80:tcp -p 443:443:tcp -p 82:99999:tcp`, refused, /"99999" is not a number/],
    [`${service} -p 80:80:tcp -p 80:81:TCP`, refused, /port 80\/TCP is given twice/],
    ['service create web -s services -ip 100.1.1.9 -l tier=web -p 0:80:tcp', refused, /"0" is not a number/],
  ]),
);

t.test('selectors, networks and addresses of services', (t) =>
  eachFails(t, [
    ['service create s -s services -p 80:80:tcp', usage, /selector/],
    ['service create s -l a=b -p 80:80:tcp', usage, /network/],
    ...['a=b=c', '=b', 'a in ()', 'a in b', 'a notin', '!', '', 'a b', 'a>b'].map(
      (text): Case => [['service', 'create', 's', '-s', 'services', `--selector=${text}`, '-p', '80:80:tcp'], refused, /invalid selector/],
    ),
    ['service create s -s nothing -l a=b -p 80:80:tcp', refused, /network nothing/],
    ['service create s -s red-only -l a=b -p 80:80:tcp', refused, /network red-only/],
    ['service create s -s services -t nobody -l a=b -p 80:80:tcp', refused, /tenant nobody/],
    [`${service} -p 80:80:tcp -ip 100.1.2.9`, refused, /not in subnet 100\.1\.1\.0\/24/],
    [`${service} -p 80:80:tcp -ip 100.1.1.0`, refused, /network address/],
    [`${service} -p 80:80:tcp -ip 100.1.1.255`, refused, /broadcast address/],
    [`${service} -p 80:80:tcp -ip 100.1.1.5`, refused, /held by container/],
    [`${service} -p 80:80:tcp -ip 100.1.1.9`, refused, /held by service web/],
    [`${service} -p 80:80:tcp -ip nine`, refused, /"nine" is not an IP address/],
    ['service create s -s blue -l a=b -p 80:80:tcp -ip 10.1.1.254', refused, /gateway of network blue/],
    ['service rm nothing', refused, /nothing/],
    ['service inspect nothing', refused, /nothing/],
    ['service explain nothing', refused, /nothing/],
    ['service rm web -t red', refused, /web/],
  ]),
);

t.test('deleting what is in use', (t) =>
  eachFails(t, [
    ['net rm services', refused, /network services cannot be deleted: 1 service \(web\)/],
    ['tenant rm red', refused, /tenant red cannot be deleted: it has 1 network \(red-only\)/],
    ['tenant rm default', refused, /always there/],
    ['tenant rm nobody', refused, /tenant nobody/],
  ]),
);

t.test('a network that a container is on, with its address', async (t) => {
  await runClient(host, 'user', 'blue', '--ip', '10.1.1.77');
  await eachFails(t, [['net rm blue', refused, /network blue cannot be deleted: 1 endpoint \(10\.1\.1\.77\)/]]);
  await host.docker('rm', '-f', 'user');
});

t.test('every prefix length of IPv6 that has room is taken', async (t) => {
  for (const length of [64, 108, 109, 118, 119, 127]) {
    const { exitCode, stderr } = await host.run('netctl', 'net', 'create', 'six', '-s', '10.6.0.0/24', '-s6', `2001:db8:1::/${length}`);
    t.equal(exitCode, 0, `/${length} ${stderr}`);
    await host.netctl('net', 'rm', 'six');
  }
});

t.test('a name that Docker refuses leaves nothing behind', async (t) => {
  await host.docker('network', 'create', '-d', 'bridge', 'taken');
  await eachFails(t, [['net create taken -s 10.3.0.0/24', refused, /taken/]]);
  await host.docker('network', 'rm', 'taken');
  t.equal((await host.run('netctl', 'net', 'create', 'taken', '-s', '10.3.0.0/24')).exitCode, 0, 'once it is free, it can be had');
  await host.netctl('net', 'rm', 'taken');
});

t.test('what Docker asks for is refused with the same reasons', async (t) => {
  const create = ['network', 'create', '-d', 'netctl', '--ipam-driver', 'netctl'];
  const cases: [string[], RegExp][] = [
    [['--subnet', '10.1.1.128/25', 'own'], /overlaps with 10\.1\.1\.0\/24 of network blue/],
    [['--subnet', '10.4.0.0/24', '-o', 'tenant=none', 'own'], /tenant none not found/],
    [['--subnet', '10.4.0.0/24', '-o', 'tennant=red', 'own'], /tennant/],
  ];
  for (const [words, reason] of cases) {
    const before = await holdings(host);
    const { exitCode, stderr } = await host.run('docker', ...create, ...words);
    t.not(exitCode, 0);
    t.match(stderr, reason);
    t.equal(await holdings(host), before, 'nothing was changed');
  }
});

t.test('a network that Docker removed under a service is made again', async () => {
  await host.docker('rm', '-f', 'taker');
  const removed = await host.docker('network', 'inspect', '--format', '{{.Id}}', 'services');
  await host.docker('network', 'rm', 'services');
  await until('Docker has the network again', async () => {
    const { stdout } = await host.run('docker', 'network', 'inspect', '--format', '{{.Id}}', 'services');
    return (/^[0-9a-f]{64}$/.test(stdout) && stdout !== removed) || stdout;
  });
  await runClient(host, 'taker', 'services', '--label=tier=web');
  await untilProviders(host, 'web', ['taker']);
});

/** One request by curl: the status, and the body. */
async function curl(socket: string, path: string, ...args: string[]): Promise<{ status: number; body: string }> {
  const answer = await host.ok('curl', '-s', '--max-time', '15', '--unix-socket', socket, '-w', '\n%{http_code}', ...args, `http://localhost${path}`);
  const at = answer.lastIndexOf('\n');
  return { status: Number(answer.slice(at + 1)), body: answer.slice(0, at) };
}

const rest = (path: string, ...args: string[]): Promise<{ status: number; body: string }> => curl('/run/netctl/netctl.sock', path, ...args);

t.test('REST bodies', async (t) => {
  await host.ok('sh', '-c', 'head -c 2000000 /dev/zero | tr "\\0" x > /run/large');
  const network = { tenantName: 'default', networkName: 'n', subnet: '10.2.0.0/24' };
  const webService = { tenantName: 'default', serviceName: 's', networkName: 'services', ports: ['80:80:tcp'], selectors: ['a=b'] };
  const [nets, services] = ['/api/v1/networks/default:n/', '/api/v1/serviceLBs/default:s/'];
  const cases: readonly (readonly [path: string, body: unknown, status: number, reason: RegExp])[] = [
    [nets, '{"tenantName"', 400, /not JSON/],
    [nets, 'subnet=10.2.0.0/24', 400, /not JSON/],
    [nets, '', 400, /must be a JSON object, and is empty/],
    [nets, 'null', 400, /must be a JSON object/],
    [nets, '[]', 400, /must be a JSON object/],
    [nets, '"text"', 400, /must be a JSON object/],
    [nets, '@/run/large', 413, /too large/],
    [nets, { ...network, subnet: 10 }, 400, /"subnet" must be a text, and is 10/],
    [nets, { ...network, pktTag: '7' }, 400, /"pktTag" must be a number, and is "7"/],
    [nets, { ...network, pktTag: 1.5 }, 400, /"pktTag" must be a whole number/],
    [nets, { ...network, tenantName: undefined }, 400, /"tenantName" is missing/],
    [nets, { ...network, networkName: 'other' }, 400, /other/],
    [nets, { ...network, tenantName: 'red' }, 400, /red/],
    [nets, { ...network, subnet: undefined }, 400, /needs a subnet/],
    [services, { ...webService, ports: '80:80:tcp' }, 400, /"ports" must be a list/],
    [services, { ...webService, ports: [80] }, 400, /"ports\.0" must be a text, and is 80/],
    [services, { ...webService, selectors: { a: 'b' } }, 400, /"selectors" must be a list/],
    [services, { ...webService, ports: [] }, 400, /at least one port/],
    [services, { ...webService, selectors: [] }, 400, /at least one selector/],
    ['/api/v1/networks/n/', network, 400, /the path is for "n" and the body for "default:n"/],
    ['/api/v1/volumes/default:n/', network, 404, /openapi/],
    ['/api/v1/tenants/%E0%A4%A/', { tenantName: 'n' }, 400, /./],
  ];
  const before = await holdings(host);
  for (const [path, body, status, reason] of cases) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await rest(path, '-X', 'POST', '--data-binary', text);
    t.match(answer, { status, body: reason }, `${path} ${text.slice(0, 60)}`);
    t.match(answer.body, /^[^{[\n]+[^\n.]*$/, 'is one sentence');
  }
  t.match(await rest(nets, '-X', 'PATCH', '-d', '{}'), { status: 404 });
  t.match(await rest('/api/v1/networks/default:n/', '-X', 'DELETE'), { status: 404, body: /n/ });
  t.match(await rest('/api/v1/networks/default:services/', '-X', 'DELETE'), { status: 409, body: /web/ });
  t.equal(await holdings(host), before, 'nothing was changed');
  t.equal((await rest('/healthz')).status, 200, 'and netctld is well');
});

async function plugin(method: string, body: unknown): Promise<{ status: number; answer: Record<string, unknown> }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { status, body: answer } = await curl('/run/docker/plugins/netctl.sock', `/${method}`, '-X', 'POST', '--data-binary', text);
  return { status, answer: JSON.parse(answer) as Record<string, unknown> };
}

t.test('plugin calls', async (t) => {
  const id = (digit: string): string => digit.repeat(64);
  const network = await host.docker('network', 'inspect', '--format', '{{.Id}}', 'blue');
  const poolId = 'default/blue/v4';
  const endpoint = { NetworkID: network, EndpointID: id('a') };
  const at = (address: string): object => ({ ...endpoint, Interface: { Address: `${address}/24`, AddressIPv6: '', MacAddress: '' } });
  const before = await holdings(host);

  await t.test('that are empty, or nonsense', async (t) => {
    for (const method of [
      'NetworkDriver.CreateNetwork', 'NetworkDriver.DeleteNetwork', 'NetworkDriver.CreateEndpoint', 'NetworkDriver.DeleteEndpoint',
      'NetworkDriver.EndpointOperInfo', 'NetworkDriver.Join', 'NetworkDriver.Leave',
      'IpamDriver.RequestPool', 'IpamDriver.ReleasePool', 'IpamDriver.RequestAddress', 'IpamDriver.ReleaseAddress',
    ]) {
      for (const body of ['', '{}', '[]', 'null', '{"NetworkID":7,"PoolID":7}', 'not JSON']) {
        const { status, answer } = await plugin(method, body);
        t.equal(status, 400, `${method} ${body || 'without a body'}`);
        t.type(answer['Err'], 'string', 'says why');
      }
    }
    t.equal((await plugin('NetworkDriver.Fly', {})).status, 404);
  });

  await t.test('for unknown ids', async (t) => {
    const unknown = { NetworkID: id('f'), EndpointID: id('e') };
    const refusals: readonly (readonly [string, object])[] = [
      ['NetworkDriver.CreateEndpoint', { ...unknown, Interface: { Address: '10.1.1.5/24' } }],
      ['NetworkDriver.Join', { ...unknown, SandboxKey: '/run/docker/netns/none' }],
      ['NetworkDriver.Join', { ...endpoint, SandboxKey: '/run/docker/netns/none' }],
      ['IpamDriver.RequestAddress', { PoolID: 'default/nothing/v4', Address: '', Options: {} }],
      ['IpamDriver.RequestAddress', { PoolID: 'nonsense', Address: '', Options: {} }],
      ['IpamDriver.RequestPool', { AddressSpace: 'netctl-local', Options: { tenant: 'default', network: 'nothing' }, V6: false }],
      ['NetworkDriver.CreateNetwork', { NetworkID: id('f'), Options: { 'com.docker.network.generic': { tenant: 'default', network: 'nothing' } } }],
      ['NetworkDriver.CreateNetwork', { NetworkID: id('f'), Options: { 'com.docker.network.generic': { tenant: 'default', network: 'blue' } } }],
    ];
    for (const [method, body] of refusals) {
      const { status, answer } = await plugin(method, body);
      t.equal(status, 200, method);
      t.type(answer[method.startsWith('Ipam') ? 'Error' : 'Err'], 'string', 'is refused with a reason');
    }
    for (const [method, body] of [
      ['NetworkDriver.Leave', unknown],
      ['NetworkDriver.DeleteEndpoint', unknown],
      ['NetworkDriver.DeleteNetwork', { NetworkID: id('f') }],
      ['IpamDriver.ReleasePool', { PoolID: 'default/nothing/v4' }],
      ['IpamDriver.ReleaseAddress', { PoolID: poolId, Address: '10.1.1.200' }],
      ['IpamDriver.ReleaseAddress', { PoolID: poolId, Address: '10.1.1.254' }],
    ] as const) {
      t.strictSame(await plugin(method, body), { status: 200, answer: {} }, `${method}: what is not there is gone already`);
    }
  });
  t.equal(await holdings(host), before, 'nothing was changed');

  await t.test('that come twice, and out of order', async (t) => {
    const ok = async (method: string, body: object, answer: object = {}): Promise<void> => {
      t.match(await plugin(method, body), { status: 200, answer }, method);
    };
    const fails = async (method: string, body: object): Promise<void> => {
      const { answer } = await plugin(method, body);
      t.type(answer['Err'] ?? answer['Error'], 'string', `${method} is refused`);
    };
    const request = { PoolID: poolId, Address: '10.1.1.50', Options: {} };
    await ok('IpamDriver.RequestAddress', request, { Address: '10.1.1.50/24' });
    t.not(await holdings(host), before, 'a held address shows');
    await ok('IpamDriver.RequestAddress', request, { Address: '10.1.1.50/24' });
    await ok('NetworkDriver.Leave', endpoint);
    await ok('NetworkDriver.CreateEndpoint', at('10.1.1.50'));
    await ok('NetworkDriver.CreateEndpoint', at('10.1.1.50'));
    await fails('NetworkDriver.CreateEndpoint', at('10.1.1.51'));
    await ok('IpamDriver.ReleaseAddress', { PoolID: poolId, Address: '10.1.1.50' });
    await fails('IpamDriver.RequestAddress', request);
    const joining = { ...endpoint, SandboxKey: '/run/docker/netns/none' };
    const joined = { InterfaceName: { DstPrefix: 'eth' }, Gateway: '10.1.1.254' };
    await ok('NetworkDriver.Join', joining, joined);
    await ok('NetworkDriver.Join', joining, joined);
    await ok('NetworkDriver.EndpointOperInfo', endpoint);
    await ok('NetworkDriver.DeleteEndpoint', endpoint);
    await ok('NetworkDriver.DeleteEndpoint', endpoint);
    await ok('NetworkDriver.Leave', endpoint);
    await ok('NetworkDriver.Leave', endpoint);
    await fails('NetworkDriver.Join', joining);
    await ok('IpamDriver.ReleaseAddress', { PoolID: poolId, Address: '10.1.1.50' });
  });
  await until('all that the calls made is gone', async () => {
    const now = await holdings(host);
    return now === before || now;
  });

  t.equal((await rest('/healthz')).status, 200, 'netctld is well');
  await runClient(host, 'afterwards', 'blue', '--ip', '10.1.1.50');
  t.pass('and a container gets the very address that the calls had held');
});
