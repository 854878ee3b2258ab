import { hostTableName } from '../../src/host/rules.js';
import { NetctlError } from '../../src/model/errors.js';
import { withCommandFile } from './command-file.js';
import { runOnHost } from './host-command.js';
import { rulesetGeneration } from './nftables-generation.js';
import type { CommandResult } from './router-command.js';

export const ownNamespace = '/proc/thread-self/ns/net';
const table = ['inet', hostTableName] as const;
/** How often the table is written and listed until nobody else wrote meanwhile. */
const attempts = 5;

/**
 * The table of rules in the host's own namespace. nft writes a table differently than it was given one, so
 * what it lists right after it was loaded is remembered: as long as it lists the same, the text is in force.
 * After a start nothing is remembered, and the table is written once more, with which no connection ends.
 */
export class HostTable {
  #written: { readonly text: string; readonly listing: string } | undefined;
  #read: { readonly generation: number; readonly text: string | undefined } | undefined;

  /** Counted up by the kernel with every transaction of nftables in the host's namespace. */
  async generation(): Promise<number> {
    return Promise.resolve(rulesetGeneration(ownNamespace));
  }

  /** The text in force; undefined if there is no table, empty if it is not known to be of a text of ours. */
  async read(generation: number): Promise<string | undefined> {
    if (this.#read?.generation === generation) return this.#read.text;
    const listing = await list();
    const text = listing === undefined ? undefined : listing === this.#written?.listing ? this.#written.text : '';
    this.#read = { generation, text };
    return text;
  }

  /** In one transaction: there is no moment without rules. */
  async write(text: string): Promise<void> {
    this.#written = undefined;
    this.#read = undefined;
    for (let attempt = 1; attempt <= attempts && !this.#written; attempt++) {
      const before = await this.generation();
      await load(`${removal}${text}`);
      const listing = await list();
      // Only then is the listing surely of this text, and not of what somebody else made of it.
      if (listing !== undefined && (await this.generation()) === before + 1) this.#written = { text, listing };
    }
  }

  async delete(): Promise<void> {
    this.#written = undefined;
    this.#read = undefined;
    await load(removal);
  }
}

/** Succeeds whether there is a table or not. */
const removal = `add table ${table.join(' ')}\ndelete table ${table.join(' ')}\n`;

async function load(commands: string): Promise<void> {
  const result = await withCommandFile(commands, (stdin) => runOnHost('nft', ['--file', '-'], stdin));
  if (result.exitCode !== 0) throw nftError('change', result);
}

/** Without counters. Only the one table: nft has crashed on tables of others that a newer nft wrote. */
async function list(): Promise<string | undefined> {
  const result = await runOnHost('nft', ['--stateless', 'list', 'table', ...table]);
  if (result.exitCode === 0) return result.stdout;
  if (result.stderr.includes('No such file or directory')) return undefined;
  throw nftError('list', result);
}

function nftError(verb: string, { exitCode, stderr }: CommandResult): NetctlError {
  const line = stderr.split('\n').find((candidate) => candidate.includes('Error:'));
  const reason = line?.replace(/^.*?Error:\s*/, '') ?? (stderr.split('\n')[0] || `exit code ${exitCode}`);
  return new NetctlError('internal', `nft could not ${verb} the table ${table.join(' ')} of the host: ${reason}`, { cause: stderr });
}
