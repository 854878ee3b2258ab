import { PassThrough } from 'node:stream';
import t from 'tap';
import { processOutput } from '../../../cli/output.js';

/** What a terminal of this size is sent. */
async function painted(size: { readonly rows: number; readonly columns: number }, text: string): Promise<string> {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, ...size });
  await processOutput(terminal as unknown as NodeJS.WriteStream).repaint(text);
  return (terminal.read() as Buffer).toString();
}

const text = 'one of many\ntwo\nthree\nfour\n';

t.test('a text is cut to what the terminal shows', async (t) => {
  t.equal(await painted({ rows: 4, columns: 5 }, text), '\u001b[2J\u001b[Hone o\u001b[K\ntwo\u001b[K\n... 2\u001b[K\n\u001b[J');
});

t.test('a terminal that does not know its size is sent everything', async (t) => {
  t.equal(await painted({ rows: 0, columns: 0 }, text), '\u001b[2J\u001b[Hone of many\u001b[K\ntwo\u001b[K\nthree\u001b[K\nfour\u001b[K\n\u001b[J');
});
