import type { ApiClient } from './client.js';
import type { Output } from './output.js';

/** A flag that is on or off, that is said to be on or off or not said at all, that holds a text, or that may be repeated and holds a list. */
export interface Flag {
  readonly kind: 'switch' | 'setting' | 'text' | 'list';
  /** Other spellings, without dashes. */
  readonly aliases: readonly string[];
  readonly describe: string;
  /** What a text is when the flag is given without one. What follows the flag is its text only if it is a number. */
  readonly bare?: string;
  /** What the flag holds when it is not given. */
  readonly default?: string;
  readonly required?: true;
  /** The flag that cannot be given together with this one. */
  readonly excludes?: string;
}
export type Flags = Readonly<Record<string, Flag>>;

type Value<F extends Flag> = F['kind'] extends 'switch'
  ? boolean
  : F['kind'] extends 'setting'
    ? boolean | undefined
    : F['kind'] extends 'list'
      ? readonly string[]
      : F extends { readonly default: string } | { readonly required: true }
        ? string
        : string | undefined;
export type Values<F extends Flags> = { readonly [Name in keyof F]: Value<F[Name]> };

/** Whether the flag takes no value of its own. */
export function isSwitch({ kind }: Flag): boolean {
  return kind === 'switch' || kind === 'setting';
}

/** The names that a command takes after its own. */
export interface Names {
  /** As the usage line shows it: `NETWORK`. */
  readonly label: string;
  readonly count: 'one' | 'several' | 'any' | 'optional';
  /** What the names after the first are, of which there is at least one: `CONTAINER`. */
  readonly then?: string;
  /** With `one`: a second name that may follow, such as `PORT`. */
  readonly maybe?: string;
}

/** What a running command may touch. */
export interface Context {
  readonly api: ApiClient;
  readonly output: Output;
}

export interface CommandSpec<F extends Flags> {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line for the list of commands. */
  readonly summary: string;
  /** What else `--help` says. */
  readonly details?: string;
  readonly names?: Names;
  readonly flags: F;
  /** Whole command lines. */
  readonly examples: readonly string[];
  run(names: readonly string[], values: Values<F>, context: Context): Promise<void>;
}

/** Values of flags that are not known here. */
export type AnyValues = Readonly<Record<string, boolean | string | readonly string[] | undefined>>;

/** A command whose flags' types are known only to itself. */
export interface Command extends Omit<CommandSpec<Flags>, 'run'> {
  run(names: readonly string[], values: AnyValues, context: Context): Promise<void>;
}

/** Types `run` by the command's own flags. That the values are so is checked against the flags before it runs (arguments.ts). */
export function command<const F extends Flags>(spec: CommandSpec<F>): Command {
  return spec;
}

/** The first word of a command line, such as `network`: it leads to several commands, or is one itself. */
export interface Noun {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  /** Only what a command line names is loaded, which keeps the start short. */
  load(): Promise<Command | readonly Command[]>;
}
