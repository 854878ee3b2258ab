import t, { type Test } from 'tap';
import { age } from '../../../cli/age.js';
import type { HostInspect } from '../../../src/wire/objects.js';
import { Api, atTerminal, ok, refused } from './harness.js';

const minutesAgo = (count: number): string => new Date(Date.now() - count * 60_000 - 1000).toISOString();
const h1: HostInspect = { Oper: { hostName: 'h1', state: 'ready', since: minutesAgo(120), version: '1.0.0', asked: true, numEndpoints: 2, underlayAddress: '192.168.50.1', underlayMTU: 1500 } };
const h2: HostInspect = { Oper: { ...h1.Oper, hostName: 'h2', since: minutesAgo(5), asked: false, underlayAddress: '192.168.50.2', roundTripMs: 0.214, pathMTU: 1450 } };
const { since: _, ...unseen } = h2.Oper;
const h3: HostInspect = { Oper: { ...unseen, hostName: 'h3', state: 'away', underlayAddress: '192.168.50.3', numEndpoints: 0 } };
const slow: HostInspect = { Oper: { ...h2.Oper, state: 'not ready', reason: 'it answers at 192.168.50.2, but not through VXLAN' } };
const endpoint = (containerName: string) => ({ endpointID: 'e', containerName, ipAddress: [], network: 'n.default', tenantName: 'default' });

t.test('host ls', async (t) => {
  const api = await Api.listen({ 'GET /api/v1/inspect/hosts/': [ok([h1, h2]), ok([h1, h2]), ok([h1]), ok([h1, slow, h3])] });
  t.teardown(() => api.close());
  const table = [
    'Name  State  Age        Version  Address       Endpoints  RTT      Path MTU',
    '----  -----  ---        -------  -------       ---------  ---      --------',
    'h1    ready  2 hours    1.0.0    192.168.50.1  2          -        -',
    'h2    ready  5 minutes  1.0.0    192.168.50.2  2          0.21 ms  1450',
    '',
  ].join('\n');
  t.strictSame(await api.netctl('host', 'ls'), { code: 0, stdout: table, stderr: '' });
  t.strictSame(await api.netctl('host', 'ls', '-q'), { code: 0, stdout: 'h1\nh2\n', stderr: '' });
  t.strictSame(JSON.parse((await api.netctl('host', 'ls', '-j')).stdout), [h1.Oper]);
  const { stdout } = await api.netctl('host', 'list');
  t.match(stdout, /^Name +State .* Path MTU +Reason\n/);
  t.match(stdout, /^h2 +not ready .* it answers at 192\.168\.50\.2, but not through VXLAN$/m);
  t.match(stdout, /^h3 +away +- .*$/m);
});

t.test('host inspect', async (t) => {
  const api = await Api.listen({ 'GET /api/v1/inspect/hosts/h2/': ok(h2) });
  t.teardown(() => api.close());
  t.strictSame(await api.netctl('host', 'inspect', 'h2'), { code: 0, stdout: `${JSON.stringify(h2, null, 2)}\n`, stderr: '' });
});

const removal = ok({ hostName: 'h3', freedEndpoints: 2, freedAddresses: 1, freedPorts: 1 });

t.test('host rekey', async (t) => {
  const api = await Api.listen({ 'POST /api/v1/rekey/': [ok({}), refused(409, 'this host has no key for encrypted connections: no network is encrypted')] });
  t.teardown(() => api.close());
  t.strictSame(await api.netctl('host', 'rekey'), { code: 0, stdout: 'This host has another key\n', stderr: '' });
  t.match(await api.netctl('host', 'rekey'), { code: 3, stdout: '', stderr: 'netctl: this host has no key for encrypted connections: no network is encrypted\n' });
});

t.test('host rm', async (t) => {
  const there = 'host h2 is there, and its containers run';
  const api = await Api.listen({ 'DELETE /api/v1/hosts/h3/': removal, 'DELETE /api/v1/hosts/h2/': refused(409, there) });
  t.teardown(() => api.close());
  const alone = await api.netctl('host', 'rm', 'h3');
  t.match(alone, { code: 1, stdout: '', stderr: /^netctl: netctl host rm asks before it does that, and there is nobody to ask: give --yes\n/ });
  t.strictSame(api.asked, [], 'and nothing is asked of netctld');
  const done = 'Removing host h3: 2 endpoints, 1 address, 1 published port freed\n';
  t.strictSame(await api.netctl('host', 'rm', '-y', 'h2', 'h3'), { code: 3, stdout: done, stderr: `netctl: ${there}\n` });
});

/** What somebody sees who types the answer. */
async function asked(t: Test, api: Api, answer: string): Promise<string> {
  const { code, stdout } = await atTerminal(['host', 'rm', 'h3'], { NETCTL_HOST: `unix://${api.socket}` }, answer);
  t.equal(code, 0);
  return stdout;
}

t.test('host rm asks', async (t) => {
  const many = ['g', 'f', 'e', 'd', 'c', 'b', 'a'].map(endpoint);
  const api = await Api.listen({
    'GET /api/v1/inspect/hosts/h3/': [ok(h3), ok({ Oper: { ...h3.Oper, endpoints: [endpoint('web')] } }), ok({ Oper: { ...h3.Oper, endpoints: many } }), refused(404, 'no')],
    'DELETE /api/v1/hosts/h3/': removal,
  });
  t.teardown(() => api.close());
  t.match(await asked(t, api, 'n\n'), /Remove host h3\? It has no endpoints\. \[y\/N\] .*\nHost h3 stays\n/);
  t.match(await asked(t, api, '\n'), /It has 1 endpoint, of web: others get their addresses then\. \[y\/N\] [^]*Host h3 stays\n/);
  t.match(await asked(t, api, 'what\n'), /It has 7 endpoints, of a, b, c, d, e, 2 more: [^]*Host h3 stays\n/, 'whatever is not yes is no');
  t.notOk(api.asked.some((line) => line.startsWith('DELETE')));
  t.match(await asked(t, api, 'y\n'), /Free what host h3 holds, which is not known\? \[y\/N\] [^]*Removing host h3: 2 endpoints/);
});

t.test('ages are those of docker ps', async (t) => {
  const [minute, hour, day] = [60, 3600, 86_400];
  const words: [number, string][] = [[-5, 'Less than a second'], [0.9, 'Less than a second'], [1, '1 second'], [59, '59 seconds'], [minute, 'About a minute'], [2 * minute, '2 minutes'], [59 * minute, '59 minutes'], [hour, 'About an hour'], [1.6 * hour, '2 hours'], [47 * hour, '47 hours'], [2 * day, '2 days'], [13 * day, '13 days'], [15 * day, '2 weeks'], [61 * day, '2 months'], [800 * day, '2 years']];
  for (const [seconds, text] of words) t.equal(age(seconds * 1000), text, String(seconds));
});
