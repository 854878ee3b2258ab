import { invalid, messageOf } from '../../src/model/errors.js';
import { storeAddress, type StoreAddress } from './store-address.js';

/** What netctld is to do in the place of running, as flags say. */
export type Task =
  | { readonly do: 'check-state' }
  | { readonly do: 'repair-state' }
  | { readonly do: 'backup'; readonly file: string }
  | { readonly do: 'restore'; readonly file: string; readonly force: boolean }
  /** Copies the state from the store to another one. */
  | { readonly do: 'migrate-state'; readonly to: StoreAddress; readonly force: boolean }
  | { readonly do: 'fault-points' };

/** The flags of tasks, as yargs wants them described. Only flags ask for tasks: no variable, no file. */
export const taskFlags = {
  'check-state': { type: 'boolean', describe: 'check the state, print what it holds, and end: 0 sound, 1 damaged, 2 wrong usage, 3 in use' },
  backup: { type: 'string', requiresArg: true, describe: 'write the state into this file and end; netctld may run meanwhile' },
  restore: { type: 'string', requiresArg: true, describe: 'make the state anew from this backup and end' },
  'repair-state': { type: 'boolean', describe: 'make of a damaged state what can be read of it, say what is missing, and end' },
  'migrate-state': { type: 'string', requiresArg: true, describe: 'copy the state from --store into this one, as --store has it, and end' },
  force: { type: 'boolean', describe: 'with --restore and --migrate-state: move a state that is there out of the way' },
  'fault-points': { type: 'boolean', hidden: true, describe: 'print the points at which NETCTLD_FAULT ends netctld' },
} as const;

/** @throws NetctlError `invalid` for flags that do not go together. */
export function taskOf(parsed: Readonly<Record<string, unknown>>): Task | undefined {
  const given = (['check-state', 'backup', 'restore', 'repair-state', 'migrate-state', 'fault-points'] as const).filter((name) => parsed[name] !== undefined && parsed[name] !== false);
  const [name, other] = given;
  if (other !== undefined) throw invalid(`--${given.join(' and --')} are given: use one of them at a time`);
  if (parsed['force'] === true && name !== 'restore' && name !== 'migrate-state') throw invalid('--force is given without --restore or --migrate-state: it is for these only');
  switch (name) {
    case undefined:
      return undefined;
    case 'backup':
      return { do: name, file: fileOf(name, parsed) };
    case 'restore':
      return { do: name, file: fileOf(name, parsed), force: parsed['force'] === true };
    case 'migrate-state':
      return { do: name, to: targetOf(parsed[name]), force: parsed['force'] === true };
    default:
      return { do: name };
  }
}

function fileOf(flag: string, parsed: Readonly<Record<string, unknown>>): string {
  const file = parsed[flag];
  if (typeof file !== 'string' || file === '') throw invalid(`--${flag} needs one file`);
  return file;
}

function targetOf(value: unknown): StoreAddress {
  try {
    return storeAddress(value);
  } catch (error) {
    throw invalid(`--migrate-state is ${JSON.stringify(value)}: it ${messageOf(error)}`);
  }
}
