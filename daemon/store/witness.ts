import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { formatDigest, parseDigest, type Digest } from './digest.js';
import { writeWhole } from './whole-file.js';

/** What the store holds, in two numbers: how often it was written, and the sum over what is in it. */
export interface Head {
  readonly revision: number;
  readonly digest: Digest;
}

/** Short of the smallest sector: it is written whole or not at all. */
const length = 128;

export const witnessName = 'COMMITTED';

/**
 * A small file beside the database that says which revision was acknowledged last. LevelDB leaves out a damaged
 * end of its log without a word; that the state has become older than what was acknowledged, only this file can tell.
 *
 * It is not synced with each transaction, as the database is: the loss of power may leave it a few seconds behind the database, never
 * before it. A process that is killed loses nothing of it, as the kernel has it already.
 */
export class Witness {
  private constructor(private readonly fd: number) {}

  /** Makes the file with this content, or replaces it, durably. */
  static create(directory: string, head: Head): void {
    writeWhole(join(directory, witnessName), lineOf(head));
  }

  /** Opens the file that is there, to be written. */
  static open(directory: string): Witness {
    return new Witness(openSync(join(directory, witnessName), 'r+'));
  }

  write(head: Head): void {
    const written = writeSync(this.fd, lineOf(head), 0, length, 0);
    if (written !== length) throw new Error(`only ${written} of ${length} bytes of ${witnessName} were written`);
  }

  close(): void {
    fsyncSync(this.fd);
    closeSync(this.fd);
  }
}

/** What the file of a directory says; `damaged` if it cannot be understood. */
export function readWitness(directory: string): Head | 'missing' | 'damaged' {
  let text: string;
  try {
    text = readFileSync(join(directory, witnessName), 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'missing';
    throw error;
  }
  const match = /^revision (\d{1,15}) digest ([0-9a-f]{32}) check [0-9a-f]{16} *\n$/.exec(text);
  const digest = parseDigest(match?.[2] ?? '');
  if (digest === undefined) return 'damaged';
  const head = { revision: Number(match?.[1]), digest };
  return text === lineOf(head).toString('latin1') ? head : 'damaged';
}

function lineOf({ revision, digest }: Head): Buffer {
  const content = `revision ${revision} digest ${formatDigest(digest)}`;
  const check = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return Buffer.from(`${`${content} check ${check}`.padEnd(length - 1)}\n`, 'latin1');
}
