import t from 'tap';
import type { DockerEvent, Inspected } from '../../../daemon/docker/decode.js';
import { drainEnd, end, isWorthAsking, type Known, learn, nothingKnown, observe, view } from '../../../daemon/docker/reduce.js';
import type { Container } from '../../../src/model/container.js';

interface Step {
  /** Milliseconds on the test's clock. */
  readonly at: number;
  readonly action?: string;
  readonly signal?: number;
  /** When the event happened, if not when it arrived. */
  readonly happened?: number;
  /** Docker's answer, asked for and come at this moment. */
  readonly answer?: Partial<Inspected> & { state?: Container['state'] };
}

interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly seenAt: number;
  readonly state: Container['state'];
  readonly stopping: boolean;
  /** When the drain ends by itself. */
  readonly until?: number;
}

const TERM = 15;
const KILL = 9;
const HUP = 1;
/** Started at 1000, stop time-out 10 s: a drain that begins at T ends at T + 11,000. */
const up: Step = { at: 1500, answer: {} };

const cases: Case[] = [
  { name: 'runs', steps: [up], seenAt: 2000, state: 'running', stopping: false },
  { name: 'docker stop begins', steps: [up, { at: 2000, action: 'kill', signal: TERM }], seenAt: 2000, state: 'running', stopping: true, until: 13_000 },
  { name: 'docker kill -s HUP', steps: [up, { at: 2000, action: 'kill', signal: HUP }], seenAt: 2000, state: 'running', stopping: false },
  { name: 'docker kill', steps: [up, { at: 2000, action: 'kill', signal: KILL }], seenAt: 2000, state: 'running', stopping: true, until: 13_000 },
  { name: 'a kill event without a signal', steps: [up, { at: 2000, action: 'kill' }], seenAt: 2000, state: 'running', stopping: false },
  { name: 'its own stop signal', steps: [{ at: 1500, answer: { stopSignal: 2 } }, { at: 2000, action: 'kill', signal: 2 }], seenAt: 2000, state: 'running', stopping: true, until: 13_000 },
  { name: 'SIGTERM is not its stop signal', steps: [{ at: 1500, answer: { stopSignal: 2 } }, { at: 2000, action: 'kill', signal: TERM }], seenAt: 2000, state: 'running', stopping: false },
  { name: 'an answer does not end the drain', steps: [up, { at: 2000, action: 'kill', signal: TERM }, { at: 2100, answer: {} }], seenAt: 2200, state: 'running', stopping: true, until: 13_000 },
  { name: 'it outlives its time-out', steps: [up, { at: 2000, action: 'kill', signal: TERM }], seenAt: 13_000, state: 'running', stopping: false },
  { name: 'a moment earlier it still drains', steps: [up, { at: 2000, action: 'kill', signal: TERM }], seenAt: 12_999, state: 'running', stopping: true, until: 13_000 },
  { name: 'SIGKILL after the time-out goes on from there', steps: [up, { at: 2000, action: 'kill', signal: TERM }, { at: 12_000, action: 'kill', signal: KILL }], seenAt: 14_000, state: 'running', stopping: true, until: 23_000 },
  { name: 'no time-out at all', steps: [{ at: 1500, answer: { stopTimeoutMs: Infinity } }, { at: 2000, action: 'kill', signal: TERM }], seenAt: 9e12, state: 'running', stopping: true, until: Infinity },
  { name: 'a late event counts from when it happened', steps: [up, { at: 9000, action: 'kill', signal: TERM, happened: 2000 }], seenAt: 9000, state: 'running', stopping: true, until: 13_000 },
  { name: 'the same signal twice counts from the second', steps: [up, { at: 2000, action: 'kill', signal: TERM }, { at: 4000, action: 'kill', signal: TERM }], seenAt: 4000, state: 'running', stopping: true, until: 15_000 },
  { name: 'dies: seen at once', steps: [up, { at: 2000, action: 'kill', signal: TERM }, { at: 2100, action: 'die' }], seenAt: 2100, state: 'exited', stopping: false },
  { name: 'dies and is started again', steps: [up, { at: 2000, action: 'kill', signal: TERM }, { at: 2100, action: 'die' }, { at: 2300, answer: { startedAtMs: 2200 } }], seenAt: 2300, state: 'running', stopping: false },
  { name: 'dies, and the answer does not say when it was started', steps: [{ at: 1500, answer: { startedAtMs: 0 } }, { at: 2000, action: 'kill', signal: TERM }, { at: 2100, action: 'die' }, { at: 2300, answer: { startedAtMs: 0 } }], seenAt: 2300, state: 'running', stopping: false },
  { name: 'a start ends what was sent before', steps: [{ at: 1500, answer: { startedAtMs: 0 } }, { at: 2000, action: 'kill', signal: TERM }, { at: 2100, action: 'start' }], seenAt: 2300, state: 'running', stopping: false },
  { name: 'an old start does not end a drain', steps: [up, { at: 2000, action: 'kill', signal: TERM }, { at: 2100, action: 'start', happened: 1000 }], seenAt: 2300, state: 'running', stopping: true, until: 13_000 },
  { name: 'dies; the answer says restarting', steps: [up, { at: 2100, action: 'die' }, { at: 2200, answer: { state: 'restarting' } }], seenAt: 2300, state: 'restarting', stopping: false },
  { name: 'pause: seen at once', steps: [up, { at: 2000, action: 'pause' }], seenAt: 2000, state: 'paused', stopping: false },
  { name: 'unpause waits for the answer', steps: [up, { at: 2000, action: 'pause' }, { at: 2100, action: 'unpause' }], seenAt: 2100, state: 'paused', stopping: false },
  { name: 'unpaused', steps: [up, { at: 2000, action: 'pause' }, { at: 2100, action: 'unpause' }, { at: 2200, answer: {} }], seenAt: 2200, state: 'running', stopping: false },
  { name: 'an old die kills nobody', steps: [up, { at: 2000, action: 'die', happened: 1400 }], seenAt: 2000, state: 'running', stopping: false },
  { name: 'an old pause freezes nobody', steps: [up, { at: 2000, action: 'pause', happened: 1499 }], seenAt: 2000, state: 'running', stopping: false },
  { name: 'old events resurrect nobody', steps: [{ at: 1500, answer: { state: 'exited' } }, { at: 2000, action: 'start', happened: 900 }, { at: 2000, action: 'unpause', happened: 950 }], seenAt: 2000, state: 'exited', stopping: false },
  { name: 'a kill of an earlier run drains nobody', steps: [{ at: 1400, action: 'kill', signal: TERM, happened: 500 }, up], seenAt: 1600, state: 'running', stopping: false },
  { name: 'a kill that is known before the container', steps: [{ at: 1400, action: 'kill', signal: TERM, happened: 1200 }, up], seenAt: 1600, state: 'running', stopping: true, until: 12_200 },
  { name: 'a dead container does not pause', steps: [{ at: 1500, answer: { state: 'exited' } }, { at: 2000, action: 'pause' }], seenAt: 2000, state: 'exited', stopping: false },
  { name: 'a stopped container does not drain', steps: [up, { at: 2000, action: 'kill', signal: TERM }, { at: 2100, answer: { state: 'exited' } }], seenAt: 2100, state: 'exited', stopping: false },
  { name: 'a paused one drains', steps: [{ at: 1500, answer: { state: 'paused' } }, { at: 2000, action: 'kill', signal: TERM }], seenAt: 2000, state: 'paused', stopping: true, until: 13_000 },
];

for (const { name, steps, seenAt, state, stopping, until } of cases) {
  t.test(name, (t) => {
    const known = play(steps);
    t.match(view(known, seenAt), { state, stopping });
    t.equal(drainEnd(known, seenAt), until);
    t.end();
  });
}

t.test('nothing is said of a container before the first answer', (t) => {
  t.equal(view(play([{ at: 1, action: 'start' }]), 2), undefined);
  t.equal(drainEnd(play([{ at: 1, action: 'kill', signal: TERM }]), 2), undefined);
  t.end();
});

t.test('a sign that comes while Docker is being asked outlives the answer, one from before does not', (t) => {
  const asked = { order: 5, askedAtMs: 2000 };
  const before = observe(play([up]), event({ at: 2500, action: 'die' }), 4);
  t.equal(view(learn(before, inspected({}), asked.order, asked.askedAtMs), 2600)?.state, 'running');
  const during = observe(play([up]), event({ at: 2500, action: 'die' }), 6);
  t.equal(view(learn(during, inspected({}), asked.order, asked.askedAtMs), 2600)?.state, 'exited');
  const repeated = observe(nothingKnown, event({ at: 2500, happened: 1400, action: 'die' }), 6);
  t.equal(view(learn(repeated, inspected({}), asked.order, asked.askedAtMs), 2600)?.state, 'running', 'it came during, and is from before');
  t.end();
});

t.test('a process that has ended runs no more, whatever Docker answers, until it is started again', (t) => {
  const answered = (known: Known, answer: Step['answer'] = {}): Known => learn(known, inspected({ pid: 7, ...answer }), 9, 2000);
  const ended = end(answered(nothingKnown), 7);
  t.match(view(ended, 2000), { state: 'exited', stopping: false });
  t.equal(view(answered(ended), 2100)?.state, 'exited', 'Docker has not noticed yet');
  t.equal(view(answered(ended, { state: 'paused' }), 2100)?.state, 'exited');
  t.equal(view(answered(ended, { state: 'restarting' }), 2100)?.state, 'restarting', 'what Docker makes of it');
  t.equal(view(answered(ended, { startedAtMs: 2050, pid: 8 }), 2100)?.state, 'running', 'another process');
  t.equal(view(end(answered(nothingKnown), 6), 2000)?.state, 'running', 'an earlier process ended');
  t.end();
});

t.test('what happens inside a container is not worth a question', (t) => {
  for (const action of ['exec_create: sh', 'exec_start: sh', 'exec_die', 'attach', 'top', 'resize']) t.notOk(isWorthAsking(event({ at: 1, action })), action);
  for (const action of ['kill', 'die', 'start', 'rename', 'update', 'destroy', 'health_status: healthy', 'network connect', 'never seen before']) t.ok(isWorthAsking(event({ at: 1, action })), action);
  t.end();
});

function play(steps: readonly Step[]): Known {
  return steps.reduce((known: Known, step, index) => (step.answer ? learn(known, inspected(step.answer), index, step.at) : observe(known, event(step), index)), nothingKnown);
}

function event(step: Step): DockerEvent {
  return { containerId: 'c', action: step.action ?? '', timeMs: step.happened ?? step.at, ...(step.signal !== undefined && { signal: step.signal }) };
}

function inspected({ state = 'running', ...more }: NonNullable<Step['answer']>): Inspected {
  const container = { id: 'c', name: 'c1', labels: {}, state, health: 'none', attachments: [] } as const;
  return { container, stopSignal: TERM, stopTimeoutMs: 10_000, startedAtMs: 1000, ...more };
}
