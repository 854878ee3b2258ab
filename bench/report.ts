import type { ContenderOutcome, ExperimentOutcome, FigureOutcome, Outcome, RivalryOutcome } from './outcome.js';
import { plotLines } from './plot-lines.js';
import { plot } from './plot.js';
import type { Summary } from './statistics.js';
import type { Axis } from './suite.js';

/** The report of a suite, in Markdown. */
export function report(outcome: Outcome): string {
  const { title, began, seconds, rounds, contenders, experiments } = outcome;
  return [
    `# ${title}`,
    `${began.slice(0, 10)}, ${rounds} rounds, ${Math.round(seconds)} s. In each round the contenders take turns. Given are medians, with the middle half of all rounds in brackets; a ratio compares a contender with the first one ` +
      'in the same round: 1 is as good, more is better.',
    machineTable(outcome),
    Object.entries(contenders).map(([name, what]) => `- **${name}**: ${what}`).join('\n'),
    ...experiments.map((experiment, index) => experimentSection(outcome, experiment, index)),
    outcome.reached ? 'Everything that was to be reached was.' : '**Not everything that was to be reached was.**',
  ].join('\n\n') + '\n';
}

function machineTable({ machine: { processor, cores, memoryGiB, kernel, programs } }: Outcome): string {
  const rows = [['processor', `${processor}, ${cores} cores`], ['memory', `${memoryGiB} GiB`], ['Linux', kernel], ...Object.entries(programs)];
  return markdownTable(['machine', ''], rows);
}

function experimentSection(outcome: Outcome, { title, figures }: ExperimentOutcome, index: number): string {
  return [`## ${title}`, ...figures.flatMap((figure) => [figureTable(figure), `![${figure.title}](${plotName(outcome, index, figure)})`])].join('\n\n');
}

function figureTable(figure: FigureOutcome): string {
  const head = [`${figure.title}, ${figure.unit}`, figure.better === 'more' ? 'more is better' : 'less is better', 'ratio', 'to reach', ''];
  return markdownTable(head, [...figure.contenders.map(contenderRow), ...figure.rivalries.map(rivalryRow)]);
}

function contenderRow({ name, summary, ratio, goal, reached }: ContenderOutcome): string[] {
  return [name, spread(summary, significant), ratio ? spread(ratio, asRatio) : '', goal === undefined ? '' : asGoal(goal), reached === undefined ? '' : verdict(reached)];
}

function rivalryRow({ contender, rival, ratio, goal, reached }: RivalryOutcome): string[] {
  return [`${contender} against ${rival}`, '', spread(ratio, asRatio), asGoal(goal), verdict(reached)];
}

const verdict = (reached: boolean): string => (reached ? 'reached' : '**missed**');
const asGoal = (goal: number): string => String(Number(goal.toFixed(3)));
const asRatio = (value: number): string => value.toFixed(3);

/** The plots that the report shows: SVG documents by the names of their files. */
export function plots(outcome: Outcome): Map<string, string> {
  const draw = (figure: FigureOutcome, axis: Axis | undefined): string => (axis ? plotLines(figure, axis, significant) : plot(figure, significant));
  return new Map(outcome.experiments.flatMap(({ figures, axis }, index) => figures.map((figure) => [plotName(outcome, index, figure), draw(figure, axis)] as const)));
}

function plotName({ suite }: Outcome, experiment: number, { key }: FigureOutcome): string {
  return `${suite}-${experiment + 1}-${key}.svg`;
}

function spread({ median, quarter, threeQuarters }: Summary, format: (value: number) => string): string {
  return `${format(median)} (${format(quarter)}..${format(threeQuarters)})`;
}

/** Four digits say more than any measurement of this kind is good for. */
function significant(value: number): string {
  const decimals = Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(decimals, 3));
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** What is printed of an experiment as soon as it has ended: a line for each contender of each figure, and for each rivalry. */
export function brief({ title, figures }: ExperimentOutcome): string {
  const lines = figures.flatMap(({ title: figure, unit, contenders, rivalries }) => [
    ...contenders.map(({ name, summary, ratio, goal, reached }) => {
      const compared = ratio ? `  ratio ${spread(ratio, asRatio)}` : '';
      return `  ${figure.padEnd(26)} ${name.padEnd(20)} ${spread(summary, significant).padStart(30)} ${unit.padEnd(10)}${compared}${briefVerdict(reached, goal)}`;
    }),
    ...rivalries.map(({ contender, rival, ratio, goal, reached }) => `  ${figure.padEnd(26)} ${`${contender} against ${rival}`.padEnd(62)}  ratio ${spread(ratio, asRatio)}${briefVerdict(reached, goal)}`),
  ]);
  return [title, ...lines].join('\n');
}

function briefVerdict(reached: boolean | undefined, goal: number | undefined): string {
  return reached === undefined || goal === undefined ? '' : `  ${reached ? 'reached' : 'MISSED'} ${asGoal(goal)}`;
}
