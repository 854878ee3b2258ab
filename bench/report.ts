import type { ContenderOutcome, ExperimentOutcome, FigureOutcome, Outcome } from './outcome.js';
import type { Summary } from './statistics.js';

/** The report of a suite, in Markdown. */
export function report(outcome: Outcome): string {
  const { title, began, seconds, rounds, contenders, experiments } = outcome;
  return [
    `# ${title}`,
    `${began.slice(0, 10)}, ${rounds} rounds, ${Math.round(seconds)} s. In each round the contenders take turns. Given are medians, with the middle half of all rounds in brackets; a ratio compares a contender with the first one ` +
      'in the same round: 1 is as good, more is better.',
    machineTable(outcome),
    Object.entries(contenders).map(([name, what]) => `- **${name}**: ${what}`).join('\n'),
    ...experiments.map(experimentSection),
    outcome.reached ? 'Everything that was to be reached was.' : '**Not everything that was to be reached was.**',
  ].join('\n\n') + '\n';
}

function machineTable({ machine: { processor, cores, memoryGiB, kernel, programs } }: Outcome): string {
  const rows = [['processor', `${processor}, ${cores} cores`], ['memory', `${memoryGiB} GiB`], ['Linux', kernel], ...Object.entries(programs)];
  return markdownTable(['machine', ''], rows);
}

function experimentSection({ title, figures }: ExperimentOutcome): string {
  return [`## ${title}`, ...figures.map(figureTable)].join('\n\n');
}

function figureTable(figure: FigureOutcome): string {
  const head = [`${figure.title}, ${figure.unit}`, figure.better === 'more' ? 'more is better' : 'less is better', 'ratio', 'to reach', ''];
  return markdownTable(head, figure.contenders.map(contenderRow));
}

function contenderRow({ name, summary, ratio, goal, reached }: ContenderOutcome): string[] {
  const verdict = reached === undefined ? '' : reached ? 'reached' : '**missed**';
  return [name, spread(summary, significant), ratio ? spread(ratio, (value) => value.toFixed(3)) : '', goal === undefined ? '' : String(goal), verdict];
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

/** What is printed of an experiment as soon as it has ended: a line for each contender of each figure. */
export function brief({ title, figures }: ExperimentOutcome): string {
  const lines = figures.flatMap(({ title: figure, unit, contenders }) =>
    contenders.map(({ name, summary, ratio, goal, reached }) => {
      const compared = ratio ? `  ratio ${spread(ratio, (value) => value.toFixed(3))}` : '';
      const wanted = reached === undefined ? '' : `  ${reached ? 'reached' : 'MISSED'} ${String(goal)}`;
      return `  ${figure.padEnd(26)} ${name.padEnd(12)} ${spread(summary, significant).padStart(30)} ${unit.padEnd(10)}${compared}${wanted}`;
    }),
  );
  return [title, ...lines].join('\n');
}
