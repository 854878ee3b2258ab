import { createInterface } from 'node:readline';
import { usageError } from './failure.js';

/** For commands that ask before they do what cannot be undone. */
export const yesFlag = { kind: 'switch', aliases: ['y'], describe: 'Do not ask' } as const;

/**
 * Refuses to ask where nobody can answer.
 * @throws Failure `usage`.
 */
export function requireSomebody(title: string): void {
  if (!process.stdin.isTTY) throw usageError(`${title} asks before it does that, and there is nobody to ask: give --yes`, title);
}

/** Asks on stderr, so that the question is seen wherever stdout leads. Whatever is answered but yes means no, as does the end of the input. */
export function confirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    lines.once('close', () => resolve(false));
    lines.question(`${question} [y/N] `, (answer) => {
      resolve(/^y(es)?$/i.test(answer.trim()));
      lines.close();
    });
  });
}
