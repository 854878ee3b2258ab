import { Failure } from './failure.js';

/** Where a command writes: results to stdout, one sentence of trouble to stderr. */
export interface Output {
  /** @throws Failure `io` when the text cannot be written, without a message when the reader has gone. */
  print(text: string): Promise<void>;
  /** A result as JSON, indented by two spaces as Contiv prints it. */
  printJson(value: unknown): Promise<void>;
  /** A text that takes the place of the one painted before, on a terminal; elsewhere it follows that one, after an empty line. */
  repaint(text: string): Promise<void>;
  /** One sentence on stderr. */
  complain(sentence: string): void;
}

type Stream = NodeJS.WriteStream;

export function processOutput(stdout: Stream = process.stdout, stderr: Stream = process.stderr): Output {
  // A failed write is reported to its callback; without a listener the event would end the process as well.
  stdout.on('error', () => undefined);
  stderr.on('error', () => undefined);
  const print = (text: string): Promise<void> => write(stdout, text.endsWith('\n') ? text : `${text}\n`);
  return {
    print,
    printJson: (value) => print(JSON.stringify(value, null, 2)),
    repaint: painter(stdout, print),
    complain: (sentence) => void stderr.write(`${colouredPrefix(stderr)} ${printable(sentence)}\n`),
  };
}

function painter(stdout: Stream, print: Output['print']): Output['repaint'] {
  let painted = 0;
  return (text) => {
    painted += 1;
    if (!stdout.isTTY) return print(painted === 1 ? text : `\n${text}`);
    const lines = fit(text.trimEnd().split('\n'), stdout);
    // Overwriting line by line and clearing only what is left does not flicker, as clearing all first would.
    return write(stdout, `${painted === 1 ? clearScreen : cursorHome}${lines.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`);
  };
}

// ECMA-48: ED and CUP, EL.
const [clearScreen, cursorHome, clearLine, clearBelow] = ['\u001b[2J\u001b[H', '\u001b[H', '\u001b[K', '\u001b[J'];

/** As much as the terminal shows: a line more would scroll it, and the next text would not meet this one. */
function fit(lines: readonly string[], stream: Stream): string[] {
  // A terminal that was never told its size, as below script(1) or a serial line, says 0.
  const [rows, columns] = [stream.rows || Infinity, stream.columns || Infinity];
  const cut = lines.length < rows ? lines : [...lines.slice(0, Math.max(0, rows - 2)), `... ${lines.length - rows + 2} more lines`];
  return cut.map((line) => [...line].slice(0, columns).join(''));
}

function write(stream: Stream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error) reject(writeFailure(error));
      else resolve();
    });
  });
}

function writeFailure(error: NodeJS.ErrnoException): Failure {
  // `netctl net ls | head -1` closes the pipe on purpose: that is not worth a word.
  if (error.code === 'EPIPE') return new Failure('io', '');
  return new Failure('io', `the output could not be written: ${error.message}`);
}

/** Colour is for people: only on a terminal, and not if NO_COLOR is set to anything (no-color.org). */
function colouredPrefix(stream: Stream): string {
  const coloured = stream.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  return coloured ? '\u001b[31mnetctl:\u001b[39m' : 'netctl:';
}

/** Labels and container names come from strangers: a terminal must not obey what they hold. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
