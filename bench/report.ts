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
      'in the same round: 1 is as good, more is better. What is a part of many values is that of all rounds together, and in brackets that of each round.',
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

function experimentSection(outcome: Outcome, { title, rounds, figures }: ExperimentOutcome, index: number): string {
  const few = rounds < outcome.rounds ? [`${rounds} rounds only: a turn takes long.`] : [];
  return [`## ${title}`, ...few, ...figures.flatMap((figure) => [figureTable(figure), `![${figure.title}](${plotName(outcome, index, figure)})`])].join('\n\n');
}

function figureTable(figure: FigureOutcome): string {
  const head = [`${figure.title}, ${figure.unit}`, figure.better === 'more' ? 'more is better' : 'less is better', 'ratio', 'to reach', ''];
  return markdownTable(head, [...figure.contenders.map((contender) => contenderRow(figure, contender)), ...figure.rivalries.map(rivalryRow)]);
}

function contenderRow(figure: FigureOutcome, contender: ContenderOutcome): string[] {
  const { name, ratio, reached } = contender;
  return [name, measured(contender), ratio ? spread(ratio, asRatio) : '', toReach(figure, contender), reached === undefined ? '' : verdict(reached)];
}

/** What stands for all rounds, and how the rounds differ. */
function measured({ summary, overall }: ContenderOutcome): string {
  return spread({ ...summary, median: overall }, significant);
}

function toReach({ better, unit }: FigureOutcome, { goal, limit }: ContenderOutcome): string {
  return [...(goal === undefined ? [] : [asGoal(goal)]), ...(limit === undefined ? [] : [`${better === 'less' ? 'at most' : 'at least'} ${limit} ${unit}`.trimEnd()])].join(', ');
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
  const lines = figures.flatMap((figure) => [
    ...figure.contenders.map((contender) => {
      const { name, ratio, reached } = contender;
      const compared = ratio ? `  ratio ${spread(ratio, asRatio)}` : '';
      return `  ${figure.title.padEnd(26)} ${name.padEnd(20)} ${measured(contender).padStart(30)} ${figure.unit.padEnd(10)}${compared}${briefVerdict(reached, toReach(figure, contender))}`;
    }),
    ...figure.rivalries.map(({ contender, rival, ratio, goal, reached }) => `  ${figure.title.padEnd(26)} ${`${contender} against ${rival}`.padEnd(62)}  ratio ${spread(ratio, asRatio)}${briefVerdict(reached, asGoal(goal))}`),
  ]);
  return [title, ...lines].join('\n');
}

function briefVerdict(reached: boolean | undefined, toReach: string): string {
  return reached === undefined ? '' : `  ${reached ? 'reached' : 'MISSED'} ${toReach}`;
}
