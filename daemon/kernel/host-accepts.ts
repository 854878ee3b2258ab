import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { ForwardAccept } from '../../src/host/state.js';
import type { Family } from '../../src/model/address.js';
import { NetctlError } from '../../src/model/errors.js';
import { runOnHost } from './host-command.js';
import type { CommandResult } from './router-command.js';

/** How the two programs answer that there is no such rule; what else is not 0 is a failure. */
const noSuchRule = 1;
/** How they answer that the kernel has no such tables: then nobody has rules in them either. */
const noSuchTables = 3;
/** Seconds to wait for whoever holds their lock. */
const lockWait = '10';

const families = [4, 6] as const;
const directions = ['in', 'out'] as const;

type Held = ReadonlyMap<ForwardAccept, boolean>;

/**
 * The rules of iptables and ip6tables that let packets of uplinks through. Docker makes their chain FORWARD
 * drop what it does not know, and a drop in any table is final. They are at the head of the chain, before
 * Docker's own, and never in one of Docker's, which it empties. What really passes the table of netctl decides.
 */
export class ForwardAccepts {
  #read: { readonly key: string; readonly held: Held } | undefined;

  /**
   * Which rules are there; those of a program that the host does not have are left out.
   * @param generation of nftables. The programs write there, if they are the usual ones, so that nothing has changed while this has not.
   */
  async read(generation: number): Promise<Held> {
    const programs = [programPath('iptables'), programPath('ip6tables')];
    const key = programs.every((path) => path === undefined || path.endsWith('-nft-multi')) ? [generation, ...programs].join(' ') : undefined;
    if (key !== undefined && this.#read?.key === key) return this.#read.held;
    const held = new Map((await Promise.all(families.map(listed))).flat());
    this.#read = key === undefined ? undefined : { key, held };
    return held;
  }

  async set(accept: ForwardAccept, present: boolean): Promise<void> {
    this.#read = undefined;
    if (present) return void ((await isThere(accept)) === false && (await run(accept, '-I')));
    while (await isThere(accept)) await run(accept, '-D');
  }
}

/** As Docker does when it begins to forward: the policy of FORWARD becomes drop. Accepting rules stay. */
export async function closeForward(family: Family): Promise<void> {
  await call(programOf(family), ['-P', 'FORWARD', 'DROP'], [0]);
}

/** One list tells of both directions: a program less to start for each, whenever Docker has changed a rule of its own. */
async function listed(family: Family): Promise<[ForwardAccept, boolean][]> {
  if (programPath(programOf(family)) === undefined) return [];
  const { exitCode, stdout } = await call(programOf(family), ['-S', 'FORWARD'], [0, noSuchTables]);
  const rules = new Set(stdout.split('\n'));
  const accepts = directions.map((direction): ForwardAccept => `${family} ${direction}`);
  return exitCode === noSuchTables ? [] : accepts.map((accept) => [accept, rules.has(['-A', ...ruleOf(accept)].join(' '))]);
}

async function isThere(accept: ForwardAccept): Promise<boolean | undefined> {
  if (programPath(programOf(familyOf(accept))) === undefined) return undefined;
  const exitCode = await run(accept, '-C', [0, noSuchRule, noSuchTables]);
  return exitCode === noSuchTables ? undefined : exitCode === 0;
}

async function run(accept: ForwardAccept, command: '-C' | '-I' | '-D', answers: readonly number[] = [0]): Promise<number> {
  return (await call(programOf(familyOf(accept)), [command, ...ruleOf(accept)], answers)).exitCode;
}

/** The rule, behind what is to be done with it, as it is given and as it is listed. */
function ruleOf(accept: ForwardAccept): string[] {
  return ['FORWARD', accept.endsWith('in') ? '-i' : '-o', 'nu-+', '-m', 'comment', '--comment', 'netctl', '-j', 'ACCEPT'];
}

async function call(program: string, args: readonly string[], answers: readonly number[]): Promise<CommandResult> {
  const result = await runOnHost(program, ['-w', lockWait, ...args]);
  if (!answers.includes(result.exitCode)) {
    const reason = result.stderr.split('\n')[0] || `exit code ${result.exitCode}`;
    throw new NetctlError('internal', `${program} could not change or show what netctl has in the chain FORWARD: ${reason}`, { cause: result.stderr });
  }
  return result;
}

function familyOf(accept: ForwardAccept): Family {
  return accept.startsWith('4') ? 4 : 6;
}

function programOf(family: Family): string {
  return family === 4 ? 'iptables' : 'ip6tables';
}

/** Where the program really is: behind the links that Debian's alternatives are. */
function programPath(program: string): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory || '.', program);
    try {
      accessSync(path, constants.X_OK);
      return realpathSync(path);
    } catch {
      // Not here.
    }
  }
  return undefined;
}
