import t from 'tap';
import { runRounds } from '../../../bench/rounds.js';
import type { Experiment } from '../../../bench/suite.js';

const figures = [{ key: 'rate', title: 'rate', unit: '1/s', better: 'more' }] as const;

function experiment(run: Experiment['run']): Experiment {
  return { title: 'x', contenders: ['a', 'b'], figures, goals: {}, run };
}

t.test('contenders take turns, and the first turn of each does not count', async (t) => {
  const turns: string[] = [];
  const told: number[] = [];
  const run = (contender: string): Promise<Record<string, number>> => Promise.resolve({ rate: turns.push(contender), else: 1 });
  const samples = await runRounds(experiment(run), 3, (done) => told.push(done));
  t.equal(turns.join(''), 'abababab');
  t.same(samples, { a: { rate: [3, 5, 7] }, b: { rate: [4, 6, 8] } });
  t.same(told, [1, 2, 3]);
});

t.test('turns that begin from nothing all count', async (t) => {
  const turns: string[] = [];
  const run = (contender: string): Promise<Record<string, number>> => Promise.resolve({ rate: turns.push(contender) });
  await runRounds({ ...experiment(run), fromNothing: true }, 2, () => undefined);
  t.equal(turns.join(''), 'abab');
});

t.test('what is no measurement ends it', async (t) => {
  for (const measured of [{}, { rate: NaN }, { rate: 0 }, { rate: Infinity }]) {
    await t.rejects(runRounds(experiment(() => Promise.resolve(measured)), 1, () => undefined), { message: /^a: rate is \S+, which is no measurement$/ }, JSON.stringify(measured));
  }
});

t.test('a figure that is a quantile has many values of each turn', async (t) => {
  const run = (rate: readonly number[] | number): Experiment => ({ ...experiment(() => Promise.resolve({ rate })), figures: figures.map((figure) => ({ ...figure, quantile: 0.99 })), contenders: ['a'] });
  t.same(await runRounds(run([1, 2]), 2, () => undefined), { a: { rate: [[1, 2], [1, 2]] } });
  for (const rate of [[], [1, NaN], 1]) await t.rejects(runRounds(run(rate), 1, () => undefined), { message: /which is no measurement$/ }, JSON.stringify(rate));
});

t.test('a count may be zero', async (t) => {
  const run = (): Promise<Record<string, number>> => Promise.resolve({ failed: 0 });
  const counted: Experiment = { ...experiment(run), figures: [{ key: 'failed', title: 'failed', unit: '', better: 'less', count: true }] };
  t.same(await runRounds(counted, 1, () => undefined), { a: { failed: [0] }, b: { failed: [0] } });
});
