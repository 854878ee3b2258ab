import t from 'tap';
import { openDocker } from '../../../daemon/docker/client.js';
import type { ContainerWatch } from '../../../daemon/docker/port.js';
import { type Pace, usualPace } from '../../../daemon/docker/session.js';
import { watchContainers } from '../../../daemon/docker/watch.js';
import { recordingLogger, type LogLine } from '../plugin/client.js';
import { containerEvent, FakeEngine, inspection, json } from './fake-engine.js';
import { Told, until } from './told.js';

interface Teardown {
  teardown(fn: () => Promise<void>): unknown;
}

interface Rig {
  readonly engine: FakeEngine;
  readonly told: Told;
  readonly logs: LogLine[];
  readonly watch: (pace?: Pace) => ContainerWatch;
}

async function rig(t: Teardown): Promise<Rig> {
  const engine = await FakeEngine.make(t);
  const told = new Told();
  const logs: LogLine[] = [];
  return {
    engine,
    told,
    logs,
    watch(pace = usualPace) {
      const watch = watchContainers({ docker: openDocker(engine.socketPath), listener: told, logger: recordingLogger(logs), pace });
      t.teardown(() => watch.close());
      return watch;
    },
  };
}

/** With this many containers running and told. */
async function connectedRig(t: Teardown, ...ids: string[]): Promise<Rig> {
  const made = await rig(t);
  for (const id of ids) made.engine.run(id);
  await made.engine.start();
  made.watch();
  await until('connected', () => made.told.lines.length === 1);
  return made;
}

t.test('all containers are told at once, after the stream is open', async (t) => {
  const { engine, told, watch } = await rig(t);
  for (let i = 0; i < 30; i++) engine.run(`c${i}`, { state: i % 2 ? 'running' : 'exited' });
  await engine.start();
  watch();
  await until('connected', () => told.lines.length > 0);
  t.equal(told.lines.length, 1);
  t.equal(told.now.size, 30);
  t.strictSame(engine.requests.slice(0, 2), ['GET /events', 'GET /containers/json']);
  t.equal(engine.queries[1]?.get('all'), 'true');
  const events = engine.queries[0];
  t.strictSame(JSON.parse(events?.get('filters') ?? ''), { type: ['container', 'network'] });
  t.ok(Math.abs(Date.now() / 1000 - 600 - Number(events?.get('since'))) < 5, 'events of the last ten minutes');
  t.strictSame(Object.keys(told.now.get('c1') ?? {}).sort(), ['attachments', 'health', 'id', 'labels', 'name', 'state', 'stopping']);
});

t.test('no containers are all containers, too', async (t) => {
  const { told } = await connectedRig(t);
  t.strictSame(told.lines, ['connected']);
});

t.test('a container comes, becomes healthy, and goes', async (t) => {
  const { engine, told } = await connectedRig(t);
  const c = engine.run('c1', { state: 'created', health: 'starting' });
  engine.emit('c1', 'create');
  await until('created', () => told.lines.length === 2);
  Object.assign(c, { state: 'running', networks: { net1: { NetworkID: 'n1', EndpointID: 'e1' } } });
  engine.emitRaw(`${JSON.stringify({ Type: 'network', Action: 'connect', Actor: { ID: 'n1', Attributes: { container: 'c1' } }, time: Date.now() / 1000 })}\n`);
  await until('running', () => told.now.get('c1')?.state === 'running');
  t.strictSame(told.now.get('c1')?.attachments, [{ networkName: 'net1', networkId: 'n1', endpointId: 'e1' }]);
  c.health = 'healthy';
  engine.emit('c1', 'health_status: healthy');
  await until('healthy', () => told.now.get('c1')?.health === 'healthy');
  engine.containers.delete('c1');
  engine.emit('c1', 'destroy');
  await until('removed', () => told.now.size === 0);
  t.strictSame(told.lines, ['connected', 'changed c1 created starting', 'changed c1 running starting', 'changed c1 running healthy', 'removed c1']);
});

t.test('the drain is told with the kill event, before Docker answers anything more', async (t) => {
  const { engine, told } = await connectedRig(t, 'c1');
  const held: (() => void)[] = [];
  engine.instead.set('GET /containers/c1/json', (_, response) => {
    const answer = inspection('c1', engine.run('c1'));
    held.push(() => json(response, 200, answer));
  });
  engine.emit('c1', 'kill', { signal: '15' });
  await until('stopping', () => told.lines.length === 2);
  await until('asked', () => held.length === 1);
  engine.emit('c1', 'die');
  await until('exited', () => told.lines.length === 3);
  t.strictSame(told.lines.slice(1), ['changed c1 running stopping', 'changed c1 exited']);

  t.comment('the answer to the question from before the death does not bring it back');
  held[0]?.();
  await until('asked again', () => held.length === 2);
  t.equal(told.lines.length, 3);
  engine.instead.clear();
  held[1]?.();
  await until('started again', () => told.lines.length === 4);
  t.equal(told.lines[3], 'changed c1 running', 'the kill was of the process that died');
});

t.test('SIGHUP is not told; a container that outlives its time-out is told to be back', async (t) => {
  const { engine, told } = await connectedRig(t);
  engine.run('c1', { stopTimeout: 0, stopSignal: 'SIGUSR1' });
  engine.emit('c1', 'start');
  await until('running', () => told.lines.length === 2);
  engine.emit('c1', 'kill', { signal: '1' });
  engine.emit('c1', 'kill', { signal: '15' });
  engine.emit('c1', 'kill', { signal: '10' });
  await until('stopping', () => told.lines.length === 3);
  const stoppingAt = performance.now();
  await until('back', () => told.lines.length === 4);
  t.ok(performance.now() - stoppingAt > 900, 'after the margin of a second');
  t.strictSame(told.lines.slice(2), ['changed c1 running stopping', 'changed c1 running']);
});

t.test('events that Docker repeats: recent kills count, and those of an earlier run do not', async (t) => {
  const { engine, told, watch } = await rig(t);
  engine.run('draining');
  engine.run('restarted', { startedAt: Date.now() - 1000 });
  engine.run('outlived');
  const before = Date.now() - 5000;
  engine.past.push(
    containerEvent('draining', 'kill', { signal: '15' }, before),
    containerEvent('restarted', 'kill', { signal: '15' }, before),
    containerEvent('restarted', 'die', {}, before),
    containerEvent('outlived', 'kill', { signal: '15' }, Date.now() - 11_500),
    containerEvent('long-gone', 'kill', { signal: '15' }, before),
    containerEvent('long-gone', 'destroy', {}, before),
  );
  await engine.start();
  watch();
  await until('connected', () => told.lines.length === 1);
  await until('all asked', () => engine.count('GET /containers/long-gone/json') > 0);
  t.strictSame(told.lines, ['connected draining running stopping, outlived running, restarted running']);
});

t.test('the first list is enough to begin with, but for who was sent a signal', async (t) => {
  const { engine, told, watch } = await rig(t);
  for (const id of ['plain', 'signalled']) engine.run(id, { stopSignal: 'SIGQUIT' });
  const held: (() => void)[] = [];
  for (const id of ['plain', 'signalled']) engine.instead.set(`GET /containers/${id}/json`, (_, response) => void held.push(() => json(response, 200, inspection(id, engine.run(id, { stopSignal: 'SIGQUIT' })))));
  engine.past.push(containerEvent('signalled', 'kill', { signal: '3' }, Date.now()));
  await engine.start();
  watch();
  await until('both are asked about', () => held.length === 2);
  t.strictSame(told.lines, [], 'nobody knows yet whether that signal ends it');
  for (const answer of held) answer();
  await until('connected', () => told.lines.length === 1);
  t.strictSame(told.lines, ['connected plain running, signalled running stopping']);
  const { engine: another, told: toldAnother, watch: watchAnother } = await rig(t);
  another.run('plain');
  another.instead.set('GET /containers/plain/json', () => undefined);
  await another.start();
  watchAnother();
  await until('connected without an answer', () => toldAnother.lines.length === 1);
  t.strictSame(toldAnother.lines, ['connected plain running']);
});

t.test('events while the list is read are applied', async (t) => {
  const { engine, told, watch } = await rig(t);
  for (const id of ['c1', 'c2', 'c3']) engine.run(id);
  engine.past.push(containerEvent('c3', 'kill', { signal: '1' }, Date.now()));
  const later: (() => void)[] = [];
  engine.instead.set('GET /containers/c3/json', (_, response) => void later.push(() => json(response, 200, inspection('c3', engine.run('c3')))));
  await engine.start();
  watch();
  await until('the others are known', () => later.length === 1 && engine.requests.length >= 5);
  engine.containers.delete('c1');
  engine.emit('c1', 'destroy');
  engine.run('c2', { state: 'exited' });
  engine.emit('c2', 'die');
  engine.run('c4');
  engine.emit('c4', 'start');
  await until('asked again', () => engine.count('GET /containers/c2/json') === 2 && engine.count('GET /containers/c4/json') === 1);
  t.strictSame(told.lines, [], 'nothing is told before all are known');
  engine.instead.clear();
  later[0]?.();
  await until('connected', () => told.lines.length > 0);
  await until('all applied', () => [...told.now.values()].map((c) => `${c.id} ${c.state}`).sort().join() === 'c2 exited,c3 running,c4 running');
});

t.test('a burst of events is few questions; what happens inside a container is none', async (t) => {
  const { engine, told } = await connectedRig(t, 'c1', 'checked');
  for (let i = 0; i < 200; i++) engine.emit('c1', 'update');
  engine.run('c1', { state: 'paused' });
  engine.emit('c1', 'pause');
  await until('paused', () => told.now.get('c1')?.state === 'paused');
  t.ok(engine.count('GET /containers/c1/json') < 20, `${engine.count('GET /containers/c1/json')} questions`);
  for (let i = 0; i < 20; i++) engine.emit('checked', 'exec_start: sh');
  engine.run('c2');
  engine.emit('c2', 'start');
  await until('c2', () => told.now.has('c2'));
  t.equal(engine.count('GET /containers/checked/json'), 1);
});

t.test('Docker that is not there yet is waited for; each loss is told once, and all is read again', async (t) => {
  const { engine, told, watch } = await rig(t);
  watch();
  await until('disconnected', () => told.lines.length === 1);
  t.match(told.reasons[0], `Docker does not answer at ${engine.socketPath}: start it`);
  engine.run('c1');
  engine.run('c2');
  await engine.start();
  await until('connected', () => told.lines.length === 2);
  await engine.stop();
  await until('lost', () => told.lines.length === 3);
  engine.containers.delete('c1');
  engine.run('c3');
  await engine.start();
  await until('connected again', () => told.lines.length === 4);
  t.strictSame(told.lines, ['disconnected', 'connected c1 running, c2 running', 'disconnected', 'connected c2 running, c3 running']);
});

t.test('a stream that is cut in the middle of a line is opened again', async (t) => {
  const { engine, told } = await connectedRig(t, 'c1');
  engine.emitRaw('{"Type":"container","Act');
  engine.cutStreams();
  await until('connected again', () => told.lines.length === 3);
  t.strictSame(told.lines, ['connected c1 running', 'disconnected', 'connected c1 running']);
  engine.run('c1', { state: 'exited' });
  engine.emit('c1', 'die');
  await until('events arrive', () => told.lines.length === 4);
});

t.test('a line that is not understood is logged, and those after it count', async (t) => {
  const { engine, told, logs } = await connectedRig(t, 'c1');
  engine.emitRaw('rubbish\n{"Type":7}\n\n');
  engine.run('c1', { state: 'exited' });
  engine.emit('c1', 'die');
  await until('exited', () => told.now.get('c1')?.state === 'exited');
  t.equal(logs.filter((line) => line.fields['event'] === 'docker-event-not-understood').length, 2);
});

t.test('a container that Docker cannot inspect is told as the list has it', async (t) => {
  const { engine, told, logs, watch } = await rig(t);
  engine.run('sick', { labels: { a: 'b' } });
  engine.run('well');
  engine.instead.set('GET /containers/sick/json', (_, response) => json(response, 500, { message: 'lock held' }));
  await engine.start();
  watch();
  await until('connected', () => told.lines.length === 1);
  await until('it was tried', () => logs.some((line) => line.fields['container'] === 'sick'));
  t.equal(told.lines[0], 'connected sick running, well running');
  t.strictSame(told.now.get('sick')?.labels, { a: 'b' });
  t.match(logs.find((line) => line.fields['container'] === 'sick'), { level: 'warn', message: 'container sick could not be inspected: lock held' });
});

t.test('what the list says is newer than what was inspected before', async (t) => {
  const { engine, told, watch } = await rig(t);
  engine.run('sick', { health: 'healthy', stopSignal: 'SIGQUIT' });
  await engine.start();
  watch();
  await until('connected, and asked', () => told.lines.length === 1 && engine.count('GET /containers/sick/json') === 1);
  engine.instead.set('GET /containers/sick/json', (_, response) => json(response, 500, { message: 'lock held' }));
  engine.run('sick', { health: 'unhealthy' });
  engine.emit('sick', 'health_status: unhealthy');
  await until('unhealthy', () => told.now.get('sick')?.health === 'unhealthy');
  engine.emit('sick', 'kill', { signal: '3' });
  await until('stopping', () => told.now.get('sick')?.stopping === true);
  t.strictSame(told.lines.slice(1), ['changed sick running unhealthy', 'changed sick running unhealthy stopping'], 'its stop signal is remembered');
  // It goes on trying to inspect it meanwhile.
  t.equal(engine.queries.findLast((query) => query.has('filters'))?.get('filters'), '{"id":["sick"]}', 'the list is asked of this container only');
});

t.test('a container that cannot be inspected and is not listed any more is gone', async (t) => {
  const { engine, told } = await connectedRig(t, 'sick', 'well');
  engine.instead.set('GET /containers/sick/json', (_, response) => json(response, 500, { message: 'lock held' }));
  engine.containers.delete('sick');
  engine.emit('sick', 'die');
  await until('removed', () => told.lines.at(-1) === 'removed sick');
});

t.test('of a container that can be neither inspected nor listed, what was known stays', async (t) => {
  const { engine, told, logs } = await connectedRig(t, 'sick');
  engine.instead.set('GET /containers/sick/json', (_, response) => json(response, 500, { message: 'lock held' }));
  engine.instead.set('GET /containers/json', (_, response) => json(response, 500, { message: 'not now' }));
  engine.emit('sick', 'rename');
  await until('told', () => logs.some((line) => line.fields['event'] === 'container-not-listed'));
  t.strictSame(told.lines, ['connected sick running']);
});

t.test('what Docker could not say is asked again', async (t) => {
  const { engine, told, watch } = await rig(t);
  engine.run('sick', { health: 'starting' });
  engine.instead.set('GET /containers/sick/json', (_, response) => json(response, 500, { message: 'lock held' }));
  await engine.start();
  watch({ ...usualPace, retryMs: 20 });
  await until('asked again', () => engine.count('GET /containers/sick/json') > 2);
  engine.run('sick', { health: 'healthy' });
  engine.instead.clear();
  await until('healthy', () => told.now.get('sick')?.health === 'healthy');
  t.strictSame(told.lines, ['connected sick running starting', 'changed sick running healthy']);
});

t.test('what no event told is found by looking at all again; what is as before is not told', async (t) => {
  const { engine, told, watch } = await rig(t);
  for (const id of ['same', 'stopped', 'gone']) engine.run(id);
  await engine.start();
  watch({ ...usualPace, relistMs: 20 });
  await until('connected', () => told.lines.length === 1);
  engine.run('stopped', { state: 'exited' });
  engine.containers.delete('gone');
  engine.run('new');
  await until('all found', () => told.lines.length === 4);
  const lists = engine.count('GET /containers/json');
  await until('two more lists', () => engine.count('GET /containers/json') > lists + 2);
  t.strictSame(told.lines.slice(1).sort(), ['changed new running', 'changed stopped exited', 'removed gone']);
});

t.test('after an event that was not understood all is looked at', async (t) => {
  const { engine, told, watch } = await rig(t);
  engine.run('c1');
  await engine.start();
  watch({ ...usualPace, retryMs: 20 });
  await until('connected', () => told.lines.length === 1);
  engine.emitRaw('{"Type":"container"}\n');
  await until('all is listed and asked about again', () => engine.count('GET /containers/json') === 2 && engine.count('GET /containers/c1/json') === 2);
});

t.test('a list that fails or is cut off is a loss, and tried again', async (t) => {
  const { engine, told, watch } = await rig(t);
  engine.run('c1');
  let tries = 0;
  engine.instead.set('GET /containers/json', (_, response) => {
    tries += 1;
    if (tries === 1) return json(response, 500, { message: 'not now' });
    engine.instead.clear();
    response.writeHead(200, { 'Content-Length': 1000 });
    response.write('[', () => engine.cutStreams());
  });
  await engine.start();
  watch();
  await until('connected', () => told.lines.length === 2);
  t.strictSame(told.lines, ['disconnected', 'connected c1 running']);
  t.strictSame(told.reasons, ['not now']);
});

t.test('a listener that throws does not end the watch', async (t) => {
  const { engine, told, logs } = await connectedRig(t, 'c1');
  const changed = told.changed.bind(told);
  told.changed = () => {
    told.changed = changed;
    throw new Error('bug of the listener');
  };
  engine.emit('c1', 'kill', { signal: '9' });
  await until('logged', () => logs.some((line) => line.fields['event'] === 'bug'));
  engine.containers.delete('c1');
  engine.emit('c1', 'destroy');
  await until('removed', () => told.lines.at(-1) === 'removed c1');
});

t.test('close ends it in every state, at once, and nothing is told afterwards', async (t) => {
  const { engine, told, watch } = await rig(t);
  const early = watch();
  await early.close();
  t.strictSame(told.lines, []);

  engine.run('c1');
  engine.instead.set('GET /events', () => undefined);
  await engine.start();
  const waiting = watch();
  await until('asked', () => engine.count('GET /events') === 1);
  await waiting.close();

  engine.instead.clear();
  const running = watch();
  await until('connected', () => told.lines.length === 1);
  engine.emit('c1', 'kill', { signal: '15' });
  await running.close();
  await until('the stream is closed', () => engine.listeners === 0);
  t.notOk(told.lines.includes('disconnected'));
});

t.test('a new network is told if it is one of ours', async (t) => {
  const { engine, told } = await connectedRig(t, 'c1');
  const made = (type: string): void => engine.emitRaw(`${JSON.stringify({ Type: 'network', Action: 'create', Actor: { ID: 'n1', Attributes: { name: 'n', type } }, time: Date.now() / 1000 })}\n`);
  made('bridge');
  made('netctl');
  engine.emit('c1', 'die');
  await until('the later event is told', () => told.lines.length > 1);
  t.equal(told.networksMade, 1);
});
