import t, { type Test } from 'tap';
import { probeRouter } from '../../../src/probe/segment.js';
import type { Echo } from '../../../daemon/kernel/port.js';
import { cluster, type ClusterHost } from './cluster.js';
import { Bed, until } from './bed.js';

async function three(t: Test): Promise<[ClusterHost, ClusterHost, ClusterHost]> {
  const [h1, h2, h3] = await cluster(t, 3);
  if (!h2 || !h3) throw new Error('there are three hosts');
  return [h1, h2, h3];
}

const findings = async (host: ClusterHost): Promise<string[]> =>
  (await host.control.examine()).flatMap(({ check, status, message }) => (status === 'ok' ? [] : [`${status} ${check}: ${message}`]));

t.test('a single host shows itself, ready, and measures nothing', async (t) => {
  const bed = new Bed();
  t.teardown(() => bed.stop());
  // Left from when it was one of several.
  await bed.routers.ensure(probeRouter);
  await bed.start();
  t.same(bed.control.listHosts(), [{ name: 'h1', isOwn: true, state: 'ready', since: bed.now, version: '1.0.0', endpoints: [] }]);
  t.same(bed.control.deployment(), { store: 'memory', hosts: { present: 1, known: 1 } });
  t.throws(() => bed.routers.identityOf(probeRouter), 'it has no router for it');
  await t.rejects(bed.control.removeHost('h1'), { code: 'invalid' });
  await t.rejects(bed.control.removeHost('h2'), { code: 'not-found' });
});

t.test('each host shows all of them, and what it measured of the way to them', async (t) => {
  const [h1, h2] = await three(t);
  await until('the ways are measured', () => h1.control.listHosts().filter(({ pathMtu }) => pathMtu === 1450).length === 2);
  const shown = h1.control.listHosts().map(({ name, isOwn, state, roundTripMs, pathMtu }) => ({ name, isOwn, state, roundTripMs, pathMtu }));
  t.same(shown, [
    { name: 'h1', isOwn: true, state: 'ready', roundTripMs: undefined, pathMtu: undefined },
    { name: 'h2', isOwn: false, state: 'ready', roundTripMs: 0.5, pathMtu: 1450 },
    { name: 'h3', isOwn: false, state: 'ready', roundTripMs: 0.5, pathMtu: 1450 },
  ]);
  t.same(await findings(h1), []);
  t.match((await h1.control.examine()).filter(({ check }) => check.startsWith('host ')), [{ message: 'it is there, 0.50 ms away, packets of up to 1450 bytes get there' }, {}]);
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.host('h2').state === 'away');
  t.equal(h1.control.host('h2').since, h1.now);
  t.same(h1.control.deployment(), { store: 'memory', hosts: { present: 2, known: 3 } });
  t.match(await findings(h1), [/^warning host h2: nothing is heard of it since 1970-01-01T00:16:40Z; 192\.168\.7\.2 still answers, so look at its netctld/]);
  t.match(await findings(h2), [/^failed store: the store does not answer/], 'and that one knows why');
  h1.now += 60_000;
  await h2.connection.mend();
  await until('it is back', () => h1.control.host('h2').state === 'ready');
  t.equal(h1.control.host('h2').since, h1.now);
});

t.test('a way that lets only short packets through', async (t) => {
  const [h1] = await three(t);
  const narrow = (_: unknown, target: { toString(): string }, length: number): Promise<Echo> => Promise.resolve(target.toString() === '192.168.7.3' && length > 1350 ? { outcome: 'lost' } : { outcome: 'answered', milliseconds: 0.5 });
  h1.echo = narrow;
  // When it is looked for again.
  h1.now += 60_000;
  await until('it is found', () => h1.control.host('h3').pathMtu === 1350);
  t.match(h1.control.host('h3'), { state: 'not ready', reason: 'packets of more than 1350 bytes do not get there, and containers send up to 1450' });
  await until('the other way is measured, too', () => h1.control.host('h2').pathMtu === 1450);
  t.match(await findings(h1), ['failed host h3: packets of more than 1350 bytes do not get there, and containers send up to 1450']);
});

t.test('a way on which VXLAN is blocked, and one on which nothing passes', async (t) => {
  const [h1] = await three(t);
  h1.echo = (router, target) => Promise.resolve(router === undefined && target.toString() === '192.168.7.2' ? { outcome: 'answered', milliseconds: 1 } : { outcome: 'lost' });
  await until('it is found', () => h1.control.host('h2').state === 'not ready' && h1.control.host('h3').state === 'not ready');
  t.equal(h1.control.host('h2').reason, 'it answers at 192.168.7.2, but not through VXLAN');
  t.equal(h1.control.host('h3').reason, 'it does not answer at 192.168.7.3');
  t.match(await findings(h1), [/^failed host h2: it answers at 192\.168\.7\.2, but nothing comes back through VXLAN$/, /^failed host h3: it does not answer at 192\.168\.7\.3, neither/]);
  h1.echo = () => Promise.resolve({ outcome: 'answered', milliseconds: 3 });
  await until('it is open again', () => h1.control.listHosts().every(({ state }) => state === 'ready'));
});

t.test('without raw sockets all else works', async (t) => {
  const [h1] = await three(t);
  h1.echo = () => Promise.reject(new Error('there are no raw sockets'));
  await until('it is known', () => h1.control.listHosts().every(({ roundTripMs }) => roundTripMs === undefined));
  t.same(await findings(h1), ['warning way to other hosts: there are no raw sockets']);
  t.match(h1.control.host('h2'), { state: 'ready', roundTripMs: undefined, pathMtu: undefined });
});

t.test('what the hosts have that does not go together', async (t) => {
  const [h1, h2, h3] = await three(t);
  h2.underlay = { ...h2.underlay, mtu: 1400 };
  await h2.stop();
  await h2.start();
  await until('h1 knows the MTU of h2', () => h1.control.host('h2').underlayMtu === 1400);
  t.match(await findings(h1), [/^warning underlay MTU: the hosts' links have different MTUs: 1500 on h1, h3; 1400 on h2; containers send up to 1350 bytes/]);
  await h3.everybodys.transact({ conditions: [], operations: [{ key: 'hosts/h3', put: { v: 1, name: 'h3', id: 'id-of-h3', underlay: '192.168.7.3', underlayMtu: 1500, version: '2.0.0', since: 1 } }] });
  await until('h1 knows the version', () => h1.control.host('h3').version === '2.0.0');
  t.ok((await findings(h1)).includes('warning versions: the hosts have different versions of netctld: 1.0.0 on h1, h2; 2.0.0 on h3'));
  h1.underlayFailure = new Error('this host has no address');
  t.ok((await findings(h1)).includes('failed underlay: this host has no address'));
});
