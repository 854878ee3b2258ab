import { printable } from './output.js';

const gap = '  ';

/**
 * A table in Contiv's form: a header, a line of dashes under each title, the rows; columns two spaces apart, the last
 * one not padded. Cells hold one line each; control characters are shown as `?`.
 */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const dashes = titles.map((title) => '-'.repeat(title.length));
  const lines = [titles, dashes, ...rows.map((row) => titles.map((_, column) => printable(row[column] ?? '')))];
  const widths = titles.map(() => 0);
  for (const line of lines) line.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, width(cell))));
  return lines.map((line) => layOut(line, widths)).join('\n') + '\n';
}

function layOut(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)));
  return padded.join(gap).trimEnd();
}

/** In characters rather than UTF-16 units, which only surrogates make a difference to: nearly no cell has one. */
function width(cell: string): number {
  return /[\ud800-\udfff]/.test(cell) ? [...cell].length : cell.length;
}
