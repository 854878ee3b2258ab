import type { ContenderOutcome, FigureOutcome } from './outcome.js';

// Sizes in pixels.
const [width, names, numbers, rowHeight, top] = [760, 190, 130, 26, 34];
const barWidth = width - names - numbers;

/** Bars, one for each contender: as long as what stands for all rounds, with a line from a quarter to three quarters. An SVG document. */
export function plot(figure: FigureOutcome, format: (value: number) => string): string {
  const { title, unit, better, contenders } = figure;
  const most = Math.max(...contenders.map(({ summary, overall }) => Math.max(summary.threeQuarters, overall))) || 1;
  const height = top + contenders.length * rowHeight + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="8" y="20" font-weight="bold">${escaped(`${title}, ${unit} (${better} is better)`)}</text>`,
    ...contenders.flatMap((contender, row) => bar(contender, top + row * rowHeight, (value) => names + (value / most) * barWidth, format)),
    '</svg>\n',
  ].join('\n');
}

function bar(contender: ContenderOutcome, y: number, place: (value: number) => number, format: (value: number) => string): string[] {
  const { name, summary, overall } = contender;
  const [quarter, median, threeQuarters] = [summary.quarter, overall, summary.threeQuarters].map((value) => place(value).toFixed(1));
  const middle = y + rowHeight / 2;
  return [
    `<text x="${names - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
    `<rect x="${names}" y="${y + 4}" width="${(Number(median) - names).toFixed(1)}" height="${rowHeight - 8}" fill="${colour(contender)}"/>`,
    `<path d="M${quarter} ${middle}H${threeQuarters}M${quarter} ${middle - 4}v8M${threeQuarters} ${middle - 4}v8" stroke="black" fill="none"/>`,
    `<text x="${width - 8}" y="${middle + 4}" text-anchor="end">${escaped(label(contender, format))}</text>`,
  ];
}

function label({ overall, ratio }: ContenderOutcome, format: (value: number) => string): string {
  return `${format(overall)}${ratio ? ` (${ratio.median.toFixed(2)})` : ''}`;
}

/** The reference is grey; what was to reach something is green or red. */
function colour({ ratio, reached }: ContenderOutcome): string {
  if (!ratio && reached === undefined) return '#9a9a9a';
  return reached === undefined ? '#7aa6d6' : reached ? '#5fae6b' : '#d6695f';
}

/** As text of a document. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
