import t from 'tap';
import { decodeEvent, decodeInspect, decodeSummary } from '../../../daemon/docker/decode.js';
import { parseSignal, stopSignalOf } from '../../../daemon/docker/signals.js';
import { containerEvent, inspection } from './fake-engine.js';

const id = 'c'.repeat(64);
const base = { state: 'running', labels: {}, startedAt: 1_700_000_000_000, networks: {} };

t.test('a container as inspect says it', (t) => {
  const answer = inspection(id, {
    ...base,
    labels: { tier: 'web', empty: '' },
    health: 'healthy',
    stopSignal: 'SIGINT',
    stopTimeout: 30,
    networks: { 'net1/blue': { NetworkID: 'n1', EndpointID: 'e1' }, other: { NetworkID: 'n2', EndpointID: '' } },
  });
  t.strictSame(decodeInspect(answer), {
    container: {
      id,
      name: `name-of-${id}`,
      labels: { tier: 'web', empty: '' },
      state: 'running',
      health: 'healthy',
      attachments: [
        { networkName: 'net1/blue', networkId: 'n1', endpointId: 'e1' },
        { networkName: 'other', networkId: 'n2', endpointId: '' },
      ],
    },
    stopSignal: 2,
    stopTimeoutMs: 30_000,
    startedAtMs: 1_700_000_000_000,
  });
  t.end();
});

t.test('states, health and times in all their forms', (t) => {
  for (const state of ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']) {
    t.equal(decodeInspect(inspection(id, { ...base, state })).container.state, state);
  }
  t.throws(() => decodeInspect(inspection(id, { ...base, state: 'levitating' })), 'what Docker never said before is not guessed at');
  for (const [status, health] of [[undefined, 'none'], ['none', 'none'], ['starting', 'starting'], ['unhealthy', 'unhealthy']] as const) {
    t.equal(decodeInspect(inspection(id, { ...base, ...(status && { health: status }) })).container.health, health);
  }
  t.equal(decodeInspect(inspection(id, base)).stopTimeoutMs, 10_000);
  t.equal(decodeInspect(inspection(id, { ...base, stopTimeout: 0 })).stopTimeoutMs, 0);
  t.equal(decodeInspect(inspection(id, { ...base, stopTimeout: -1 })).stopTimeoutMs, Infinity);
  t.equal(decodeInspect(inspection(id, { ...base, startedAt: Date.parse('0001-01-01T00:00:00Z') })).startedAtMs, 0);
  t.end();
});

t.test('null instead of an empty map, as Go writes it', (t) => {
  const answer = { Id: id, Name: '/c', State: { Status: 'created', StartedAt: '0001-01-01T00:00:00Z', Health: null }, Config: { Labels: null, StopTimeout: null }, NetworkSettings: { Networks: null } };
  t.match(decodeInspect(answer), { container: { labels: {}, attachments: [], health: 'none' }, stopSignal: 15 });
  t.end();
});

t.test('a container as the list says it', (t) => {
  const entry = { Id: id, Names: ['/c1'], Labels: { a: 'b' }, State: 'running', Status: 'Up 2 minutes', NetworkSettings: { Networks: { x: { NetworkID: 'n', EndpointID: 'e' } } } };
  t.match(decodeSummary(entry), { container: { id, name: 'c1', labels: { a: 'b' }, state: 'running', health: 'none', attachments: [{ networkName: 'x', networkId: 'n', endpointId: 'e' }] } });
  for (const [status, health] of [['Up 1 second (health: starting)', 'starting'], ['Up 3 hours (healthy)', 'healthy'], ['Up 3 hours (unhealthy)', 'unhealthy'], ['Exited (1) 2 hours ago', 'none']]) {
    t.equal(decodeSummary({ ...entry, Status: status }).container.health, health);
  }
  t.end();
});

t.test('events', (t) => {
  t.strictSame(decodeEvent(containerEvent(id, 'kill', { signal: '15', name: 'c' }, 1_700_000_000_123)), { containerId: id, action: 'kill', signal: 15, timeMs: 1_700_000_000_123 });
  t.strictSame(decodeEvent(containerEvent(id, 'health_status: healthy', {}, 5000)), { containerId: id, action: 'health_status: healthy', timeMs: 5000 });
  const network = { Type: 'network', Action: 'connect', Actor: { ID: 'n', Attributes: { container: id, name: 'net1' } }, time: 5 };
  t.strictSame(decodeEvent(network), { containerId: id, action: 'network connect', timeMs: 5000 });
  t.strictSame(decodeEvent({ ...network, Action: 'create', Actor: { ID: 'n', Attributes: { name: 'net1', type: 'netctl' } } }), { madeByDriver: 'netctl' });
  t.equal(decodeEvent({ ...network, Action: 'destroy', Actor: { ID: 'n', Attributes: { name: 'net1', type: 'netctl' } } }), undefined);
  t.equal(decodeEvent({ ...network, Type: 'image' }), undefined);
  t.throws(() => decodeEvent({}));
  t.throws(() => decodeEvent('x'));
  t.end();
});

t.test('signals in every way that Docker takes them', (t) => {
  for (const [text, number] of [['15', 15], ['SIGTERM', 15], ['TERM', 15], ['term', 15], ['sigint', 2], ['9', 9], ['SIGRTMIN', 34], ['SIGRTMIN+3', 37], ['RTMAX-2', 62], ['SIGRTMAX', 64], ['64', 64]] as const) {
    t.equal(parseSignal(text), number, text);
  }
  for (const text of ['', '0', '65', '-1', 'SIGNOTHING', 'RTMIN+31', 'RTMAX-31', 'RTMIN-1', '15x']) t.equal(parseSignal(text), undefined, text);
  t.equal(stopSignalOf(undefined), 15);
  t.equal(stopSignalOf('SIGNOTHING'), 15);
  t.equal(stopSignalOf('SIGQUIT'), 3);
  t.end();
});
