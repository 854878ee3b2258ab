import { once } from 'node:events';
import t, { type Test } from 'tap';
import type { ServiceStatsObject, StatsCounts } from '../../../src/wire/objects.js';
import { bytes } from '../../../cli/units.js';
import { Api, finished, ok, refused, start, type Reply } from './harness.js';

type Replies = Readonly<Record<string, Reply | readonly Reply[]>>;

async function listening(t: Test, replies: Replies): Promise<Api> {
  const api = await Api.listen(replies);
  t.teardown(() => api.close());
  return api;
}

const counts = (connections: number, openConnections = 0): StatsCounts => ({
  ...{ connections, openConnections },
  ...{ receivedPackets: connections * 5, receivedBytes: connections * 300, sentPackets: connections * 4, sentBytes: connections * 1000 },
});

function reading(seconds: number, one: StatsCounts, other: StatsCounts, total: StatsCounts): ServiceStatsObject {
  const providers = [
    { containerName: 'web1', ipAddress: ['10.1.1.1', '2001:db8::1'], state: 'serving' as const, ...one },
    { containerName: 'web2', ipAddress: ['10.1.1.2'], state: 'draining' as const, ...other },
  ];
  const time = new Date(1_000_000 + seconds * 1000).toISOString();
  return { tenantName: 'default', serviceName: 'web', time, ports: [{ port: '80:8080:TCP', providers, total }], total };
}
const first = reading(0, counts(100, 2), counts(50), counts(150, 2));

const table = [
  'ServiceLB default:web',
  '',
  'Port         Container  IP                     State     Connections  Open  Received  Packets in  Sent    Packets out',
  '----         ---------  --                     -----     -----------  ----  --------  ----------  ----    -----------',
  '80:8080:TCP  web1       10.1.1.1, 2001:db8::1  serving   100          2     30 kB     500         100 kB  400',
  '80:8080:TCP  web2       10.1.1.2               draining  50           0     15 kB     250         50 kB   200',
  'total                                                    150          2     45 kB     750         150 kB  600',
  '',
].join('\n');

t.test('service stats', async (t) => {
  const api = await listening(t, {
    'GET /api/v1/stats/serviceLBs/?tenant=default': ok([first, { ...first, serviceName: 'dns' }]),
    'GET /api/v1/stats/serviceLBs/?tenant=blue': ok([]),
    'GET /api/v1/stats/serviceLBs/default:web/': ok(first),
    'GET /api/v1/stats/serviceLBs/default:none/': refused(404, 'service none not found in tenant default'),
  });
  t.strictSame(await api.netctl('service', 'stats', 'web'), { code: 0, stdout: table, stderr: '' });
  t.equal((await api.netctl('service', 'stats')).stdout, `${table}\n${table.replace(':web', ':dns')}`, 'all of the tenant, apart by an empty line');
  t.strictSame(JSON.parse((await api.netctl('service', 'stats', 'web', '-j')).stdout), [first]);
  t.equal((await api.netctl('service', 'stats', '-t', 'blue')).stdout, 'Tenant blue has no services.\n');
  t.strictSame(await api.netctl('service', 'stats', 'web', 'none'), { code: 3, stdout: '', stderr: 'netctl: service none not found in tenant default\n' });
});

/** What was printed once it holds so many lines that begin so. */
async function printed(child: ReturnType<typeof start>, beginning: string, times: number): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8');
  while (text.split('\n').filter((line) => line.startsWith(beginning)).length < times) {
    const [chunk] = (await once(child.stdout ?? child, 'data', { signal: AbortSignal.timeout(20_000) })) as [string];
    text += chunk;
  }
  return text;
}

t.test('service stats --watch tells rates from reading to reading, and Ctrl-C is no failure', async (t) => {
  const later = [reading(4, counts(140, 2), counts(50), counts(190, 2)), reading(5, counts(3), counts(50), counts(53))];
  const api = await listening(t, { 'GET /api/v1/stats/serviceLBs/default:web/': [ok(first), ...later.map(ok)] });
  const child = start(['service', 'stats', '--watch', '0.2', 'web'], { NETCTL_HOST: `unix://${api.socket}` });
  const ended = finished(child);
  const text = await printed(child, 'total', 3);
  child.kill('SIGINT');
  t.equal((await ended).code, 0);
  const lines = text.split('\n').filter((line) => /^(80|total|Port)/.test(line)).map((line) => line.replace(/ +/g, ' '));
  t.match(lines[0], / Open Conn\/s Received\/s Sent\/s Received Packets in Sent Packets out$/);
  t.match(lines[1], / 400$/, 'there is nothing to compare the first one with');
  t.match(lines[5], / 140 2 10 3 kB 10 kB 42 kB /, '40 connections in 4 s');
  t.match(lines[6], / 50 0 0\.0 0 B 0 B 15 kB /);
  t.match(lines[7], / 190 2 10 3 kB 10 kB 57 kB /);
  t.match(lines[9], / 3 0 900 B /, 'the kernel has begun to count anew: nobody knows');
  t.match(text, /^Every 0\.2 s, 1970-01-01T00:16:40\.000Z\n\nServiceLB default:web\n/);
  t.notMatch(text, '\u001b', 'no terminal is told anything');
});

t.test('service stats --watch -j prints a reading per line; what follows --watch is a name unless it is a number', async (t) => {
  const api = await listening(t, { 'GET /api/v1/stats/serviceLBs/default:web/': ok(first) });
  for (const words of [['--watch=0.2', 'web', '-j'], ['-j', 'web', '--watch', '0.2']]) {
    const child = start(['service', 'stats', ...words], { NETCTL_HOST: `unix://${api.socket}` });
    const ended = finished(child);
    const text = await printed(child, '[', 2);
    child.kill('SIGINT');
    await ended;
    t.same(text.trim().split('\n').slice(0, 2).map((line) => JSON.parse(line) as unknown), [[first], [first]]);
  }
  const child = start(['service', 'stats', '--watch', 'web'], { NETCTL_HOST: `unix://${api.socket}` });
  const ended = finished(child);
  t.match(await printed(child, 'total', 1), /^Every 2 s, /);
  child.kill('SIGINT');
  t.equal((await ended).code, 0);
});

t.test('intervals that are none', async (t) => {
  const api = await listening(t, {});
  for (const text of ['0', '0.1', '3601', '1e3', '5s']) {
    t.match(await api.netctl('service', 'stats', `--watch=${text}`), { code: 1, stderr: `netctl: --watch is "${text}", which is not a number of seconds from 0.2 to 3600\nSee "netctl service stats --help".\n` });
  }
});

t.test('service stats --watch ends with the reason when netctld no longer answers', async (t) => {
  const api = await listening(t, { 'GET /api/v1/stats/serviceLBs/default:web/': [ok(first), refused(503, 'netctld is stopping')] });
  t.match(await api.netctl('service', 'stats', '--watch', '0.2', 'web'), { code: 3, stderr: 'netctl: netctld is stopping\n' });
});

t.test('bytes for people', (t) => {
  for (const [count, text] of [[0, '0 B'], [999, '999 B'], [1000, '1 kB'], [1234, '1.23 kB'], [999_499, '999 kB'], [999_500, '1 MB'], [12_345_678, '12.3 MB'], [5e9, '5 GB'], [7.25e18, '7250 PB']] as const) t.equal(bytes(count), text);
  t.end();
});
