import t from 'tap';
import { experimentOutcome, suiteOutcome, type Outcome } from '../../../bench/outcome.js';
import { brief, plots, report } from '../../../bench/report.js';
import type { Experiment, Suite } from '../../../bench/suite.js';

const experiment: Experiment = {
  title: 'Ping',
  contenders: ['by hand', 'ours', 'theirs'],
  figures: [{ key: 'time', title: 'round trip', unit: 'us', better: 'less' }],
  goals: { ours: 0.95 },
  rivalries: [{ contender: 'ours', rival: 'theirs', goal: 1 }],
  run: () => Promise.reject(new Error('it is not run')),
};
const machine = { processor: 'Some | CPU', cores: 2, memoryGiB: 8, kernel: '6.1.0', programs: { nft: '1.0.6' } };

function outcomeOf(ours: readonly number[], more: Partial<Experiment> = {}): Outcome {
  const measured = { ...experiment, ...more };
  const samples = { 'by hand': { time: [20, 40, 30] }, ours: { time: ours }, theirs: { time: [40, 80, 60] } };
  const suite: Suite = { name: 'some', title: 'Some suite', programs: [], prepare: () => Promise.reject(new Error('it is not prepared')) };
  const contenders = { 'by hand': 'made by hand', ours: 'netctl' };
  return suiteOutcome(suite, { contenders, experiments: [measured] }, [experimentOutcome(measured, samples)], { began: '2026-01-02T03:04:05.678Z', seconds: 61.4, rounds: 3, machine });
}

t.test('every contender is compared with the first, in the same round', (t) => {
  const outcome = outcomeOf([20, 40, 40]);
  const [reference, ours, theirs] = outcome.experiments[0]?.figures[0]?.contenders ?? [];
  t.same(reference, { name: 'by hand', samples: [20, 40, 30], summary: { least: 20, quarter: 25, median: 30, threeQuarters: 35, most: 40 }, overall: 30 }, 'the first has no ratio');
  t.match(ours, { ratio: { least: 0.75, median: 1, most: 1 }, goal: 0.95, reached: true });
  t.match(theirs, { ratio: { median: 0.5 }, goal: undefined, reached: undefined }, 'a contender without a goal misses none');
  t.equal(outcome.reached, true);
  t.equal(outcomeOf([20, 43, 33]).reached, false, 'the median of 1, 0.93 and 0.91');
  t.end();
});

t.test('two that are not the reference are compared, too', (t) => {
  const rivalriesFor = (goal: number): Outcome => outcomeOf([20, 40, 30], { rivalries: [{ contender: 'ours', rival: 'theirs', goal }] });
  t.match(rivalriesFor(2).experiments[0]?.figures[0]?.rivalries, [{ contender: 'ours', rival: 'theirs', goal: 2, reached: true }]);
  t.equal(rivalriesFor(2).reached, true);
  t.equal(rivalriesFor(2.1).reached, false, 'though all is reached of what is compared with the first');
  t.end();
});

t.test('what is only shown has no goal', (t) => {
  const shown = { ...experiment, figures: experiment.figures.map((figure) => ({ ...figure, withoutGoal: true as const })) };
  const [figure] = experimentOutcome(shown, { 'by hand': { time: [1] }, ours: { time: [9] }, theirs: { time: [1] } }).figures;
  t.match(figure?.contenders[1], { ratio: { median: 1 / 9 }, reached: undefined });
  t.same(figure?.rivalries, []);
  t.end();
});

t.test('a limit is for what is measured itself, and of a contender that is compared with nobody', (t) => {
  const alone = (values: readonly number[], limit: number): Outcome['experiments'][number] =>
    experimentOutcome({ ...experiment, contenders: ['ours'], goals: {}, rivalries: [], limits: { ours: { time: limit } } }, { ours: { time: values } });
  const judged = (values: readonly number[], limit: number): unknown => alone(values, limit).figures[0]?.contenders[0]?.reached;
  t.equal(judged([10, 30, 20], 20), true, 'the median');
  t.equal(judged([10, 30, 21], 20), false);
  t.match(brief(alone([10, 30, 21], 20)), /21\.00 \(15\.50\.\.25\.50\) us +MISSED at most 20 us$/);
  const both = outcomeOf([20, 40, 30], { limits: { ours: { time: 29 } } });
  t.match(both.experiments[0]?.figures[0]?.contenders[1], { goal: 0.95, limit: 29, reached: false }, 'besides a goal, which is reached');
  t.match(report(both), '| 0.95, at most 29 us | **missed** |');
  t.end();
});

t.test('a part of many values is that of all rounds', (t) => {
  const figures = [{ key: 'time', title: 'slow', unit: 'us', better: 'less', quantile: 0.75 }] as const;
  const measured = { ...experiment, figures, goals: { ours: 1 }, rivalries: [], limits: { ours: { time: 5 } } };
  const [figure] = experimentOutcome(measured, { 'by hand': { time: [[4, 8], [2]] }, ours: { time: [[1, 2, 3], [4, 5]] }, theirs: { time: [[1], [1]] } }).figures;
  t.match(figure?.contenders[1], { samples: [2.5, 4.75], overall: 4, ratio: { least: 2 / 4.75, most: 7 / 2.5 }, reached: true });
  t.end();
});

t.test('rounds that are fewer are told', (t) => {
  const outcome = outcomeOf([20, 40, 30]);
  t.notMatch(report(outcome), 'rounds only');
  t.match(report({ ...outcome, rounds: 10 }), /## Ping\n\n3 rounds only: a turn takes long\.\n\n\| round trip/);
  t.end();
});

t.test('a plot has a bar for each contender', (t) => {
  const drawn = plots(outcomeOf([20, 43, 33]));
  t.same([...drawn.keys()], ['some-1-time.svg']);
  const bars = [...(drawn.get('some-1-time.svg') ?? '').matchAll(/<rect x="190" y="\d+" width="([\d.]+)" height="18" fill="(#\w+)"/g)].map(([, width, colour]) => [Number(width), colour]);
  t.same(bars, [[188.6, '#9a9a9a'], [207.4, '#d6695f'], [377.1, '#7aa6d6']], 'as long as the medians 30, 33 and 60 are, where 70 is the whole width');
  t.end();
});

t.test('contenders that differ by a number are on lines over it', (t) => {
  const axis = { title: 'things', places: { 'by hand': { at: 1 }, ours: { at: 10, line: 'near' }, theirs: { at: 100, line: 'far' } } };
  const drawing = plots(outcomeOf([20, 43, 33], { axis })).get('some-1-time.svg') ?? '';
  const lines = [...drawing.matchAll(/<polyline points="([^"]+)"/g)].map(([, points]) => points);
  // 580 pixels wide, each power of ten a half of it; 216 high, of which 70 are all.
  t.same(lines, ['70.0,163.4 360.0,154.2', '70.0,163.4 650.0,70.9'], 'the first is on both');
  t.match(drawing, />near<[^]*>far</);
  t.end();
});

t.test('the report says all of it', (t) => {
  t.equal(
    report(outcomeOf([20, 43, 33])),
    `# Some suite

2026-01-02, 3 rounds, 61 s. In each round the contenders take turns. Given are medians, with the middle half of all rounds in brackets; a ratio compares a contender with the first one in the same round: 1 is as good, more is better. What is a part of many values is that of all rounds together, and in brackets that of each round.

| machine |  |
| --- | --- |
| processor | Some \\| CPU, 2 cores |
| memory | 8 GiB |
| Linux | 6.1.0 |
| nft | 1.0.6 |

- **by hand**: made by hand
- **ours**: netctl

## Ping

| round trip, us | less is better | ratio | to reach |  |
| --- | --- | --- | --- | --- |
| by hand | 30.00 (25.00..35.00) |  |  |  |
| ours | 33.00 (26.50..38.00) | 0.930 (0.920..0.965) | 0.95 | **missed** |
| theirs | 60.00 (50.00..70.00) | 0.500 (0.500..0.500) |  |  |
| ours against theirs |  | 1.860 (1.839..1.930) | 1 | reached |

![round trip](some-1-time.svg)

**Not everything that was to be reached was.**
`,
  );
  t.match(report(outcomeOf([20, 40, 30])), /\| reached \|[^]*\nEverything that was to be reached was\.\n$/);
  t.end();
});

t.test('what is printed meanwhile', (t) => {
  const [found] = outcomeOf([20, 43, 33]).experiments;
  const lines = found ? brief(found).split('\n') : [];
  t.equal(lines[0], 'Ping');
  t.match(lines[2], /^ {2}round trip +ours +33\.00 \(26\.50\.\.38\.00\) us +ratio 0\.930 \(0\.920\.\.0\.965\) {2}MISSED 0\.95$/);
  t.match(lines[4], /^ {2}round trip +ours against theirs +ratio 1\.860 \(1\.839\.\.1\.930\) {2}reached 1$/);
  t.equal(lines.length, 5);
  t.end();
});
