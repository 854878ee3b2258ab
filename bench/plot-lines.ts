import type { ContenderOutcome, FigureOutcome } from './outcome.js';
import { escaped } from './plot.js';
import type { Axis } from './suite.js';

// Sizes in pixels.
const [width, height, left, right, top, bottom] = [760, 300, 70, 110, 40, 44];
const colours = ['#3b76b5', '#c98a1b', '#5fae6b', '#8a5fae'];

interface Point {
  readonly at: number;
  readonly contender: ContenderOutcome;
}

/** Lines over a number that the contenders differ by, on a logarithmic axis; upwards from zero. An SVG document. */
export function plotLines(figure: FigureOutcome, axis: Axis, format: (value: number) => string): string {
  const lines = linesOf(figure, axis);
  const points = [...lines.values()].flat();
  const most = Math.max(...points.map(({ contender: { summary, overall } }) => Math.max(summary.threeQuarters, overall))) || 1;
  const [first, last] = [Math.min(...points.map(({ at }) => at)), Math.max(...points.map(({ at }) => at))];
  const x = (at: number): number => left + (Math.log(at / first) / (Math.log(last / first) || 1)) * (width - left - right);
  const y = (value: number): number => height - bottom - (value / most) * (height - top - bottom);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="8" y="20" font-weight="bold">${escaped(`${figure.title}, ${figure.unit} (${figure.better} is better)`)}</text>`,
    ...[0, most / 2, most].map((value) => mark(value, y(value), format)),
    ...[...new Set(points.map(({ at }) => at))].map((at) => `<text x="${x(at).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle">${at}</text>`),
    `<text x="${width - right}" y="${height - 8}" text-anchor="end">${escaped(axis.title)}</text>`,
    ...[...lines].flatMap(([name, found], index) => line(name, found, { x, y }, colours[index % colours.length] ?? 'black', index)),
    '</svg>\n',
  ].join('\n');
}

/** The points of each line, from left to right. Who has no line of his own is on all of them. */
function linesOf({ contenders }: FigureOutcome, { places }: Axis): Map<string, Point[]> {
  const placed = contenders.flatMap((contender) => {
    const place = places[contender.name];
    return place ? [{ ...place, contender }] : [];
  });
  const names = [...new Set(placed.flatMap(({ line }) => line ?? []))];
  return new Map(names.map((name) => [name, placed.filter(({ line }) => line === undefined || line === name).toSorted((a, b) => a.at - b.at)]));
}

function mark(value: number, y: number, format: (value: number) => string): string {
  return `<path d="M${left} ${y.toFixed(1)}H${width - right}" stroke="#dddddd"/><text x="${left - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end">${escaped(value === 0 ? '0' : format(value))}</text>`;
}

interface Scales {
  x(this: void, at: number): number;
  y(this: void, value: number): number;
}

/** Through what stands for all rounds, with a stroke from a quarter to three quarters at each. */
function line(name: string, points: readonly Point[], { x, y }: Scales, colour: string, index: number): string[] {
  const medians = points.map(({ at, contender: { overall } }) => `${x(at).toFixed(1)},${y(overall).toFixed(1)}`);
  const spreads = points.map(({ at, contender: { summary } }) => `M${x(at).toFixed(1)} ${y(summary.quarter).toFixed(1)}V${y(summary.threeQuarters).toFixed(1)}`);
  return [
    `<polyline points="${medians.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    `<path d="${spreads.join('')}" stroke="${colour}"/>`,
    `<text x="${width - right + 10}" y="${top + 14 + index * 16}" fill="${colour}">${escaped(name)}</text>`,
  ];
}
