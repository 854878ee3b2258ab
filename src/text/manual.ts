// Manual pages as man(7) has them: macros at the beginning of a line, everything else text.

/** What stands in the head and the foot of a page. */
export interface PageTitle {
  readonly name: string;
  readonly section: 1 | 5 | 8;
  /** The day of the source, as 2026-11-20. */
  readonly date: string;
  readonly version: string;
}

/** A page of these parts, each made by one of the functions below. */
export function page({ name, section, date, version }: PageTitle, ...parts: readonly string[]): string {
  return [`.TH ${name.toUpperCase()} ${section} ${date} "netctl ${escape(version)}" "netctl manual"`, '.nh', '.ad l', ...parts, ''].join('\n');
}

export function section(title: string, ...parts: readonly string[]): string {
  return [`.SH ${quote(title.toUpperCase())}`, ...parts].join('\n');
}

export function subsection(title: string, ...parts: readonly string[]): string {
  return [`.SS ${quote(title)}`, ...parts].join('\n');
}

export function paragraph(text: string): string {
  return `.PP\n${escape(text)}`;
}

/** A word, in bold, and what is to be said of it, indented. */
export function term(word: string, text: string): string {
  return `.TP\n.B ${quote(word)}\n${escape(text)}`;
}

/** Lines that are kept as they are. */
export function example(...lines: readonly string[]): string {
  return ['.PP', '.RS 4', '.nf', ...lines.map(escape), '.fi', '.RE'].join('\n');
}

/** A backslash begins a command of roff, as do a dot and an apostrophe at the beginning of a line; a bare dash becomes a hyphen, which nobody can paste into a shell. */
function escape(text: string): string {
  return text.replaceAll('\\', '\\(rs').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('^', '\\(ha').replaceAll('~', '\\(ti').replaceAll('`', '\\(ga').replace(/^(?=\.)/gm, '\\&');
}

function quote(text: string): string {
  return `"${escape(text).replaceAll('"', '\\(dq')}"`;
}
