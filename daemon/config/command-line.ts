import yargs from 'yargs';
import { invalid } from '../../src/model/errors.js';
import { taskFlags, taskOf, type Task } from './tasks.js';
import { flagOf, optionNames, options, variableOf } from './options.js';

/** What the command line says: flags and their text, or that it only asks for something to be printed. */
export type CommandLine = { readonly flags: ReadonlyMap<string, string>; readonly task: Task | undefined } | { readonly print: string };

export const defaultFile = '/etc/netctl/netctld.json';

/** @throws NetctlError `invalid` for unknown or repeated flags, missing values and left-over words. */
export function parseCommandLine(argv: readonly string[], version: string): CommandLine {
  let print = '';
  const parser = describeFlags(version).fail((message: string | null, error) => {
    throw invalid(`${lowerFirst(message ?? error.message)}: see netctld --help`);
  });
  // With a callback yargs hands over what it would print, and leaves the process alone.
  const parsed = parser.parse([...argv], {}, (_error, _argv, output) => void (print = output)) as Record<string, unknown>;
  if (print !== '') return { print };
  const [word] = parsed['_'] as string[];
  if (word !== undefined) throw invalid(`"${word}" is not understood: netctld takes flags only, see netctld --help`);
  return { flags: flagsOf(parsed), task: taskOf(parsed) };
}

/** Flags are taken as they are written: no `--no-X`, no `--a.b`, no numbers guessed. */
const plainFlags = {
  'camel-case-expansion': false,
  'boolean-negation': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
};

function describeFlags(version: string) {
  const parser = yargs()
    .scriptName('netctld')
    .usage('$0 [flags]\n\nThe daemon of netctl: networks and services for the containers of a Docker host.')
    .epilogue(
      'A flag goes before its environment variable, that before the configuration file ' +
        "(a JSON object with the flags' names as keys), that before the default.",
    )
    .parserConfiguration(plainFlags)
    .locale('en')
    .wrap(120)
    .version(version)
    .help()
    .strictOptions()
    .option('config', {
      type: 'string',
      requiresArg: true,
      describe: 'configuration file [NETCTLD_CONFIG]',
      defaultDescription: `${defaultFile}, if present`,
    });
  parser.options(taskFlags);
  for (const name of optionNames) {
    const flag = flagOf(name);
    const { describe, fallback, shown } = options[name];
    const defaultDescription = shown ?? JSON.stringify(fallback).replaceAll('"', '');
    parser.option(flag, { type: 'string', requiresArg: true, describe: `${describe} [${variableOf(flag)}]`, defaultDescription });
  }
  return parser;
}

function flagsOf(parsed: Readonly<Record<string, unknown>>): Map<string, string> {
  const flags = new Map<string, string>();
  for (const flag of ['config', ...optionNames.map(flagOf)]) {
    const value = parsed[flag];
    if (Array.isArray(value)) throw invalid(`--${flag} is given ${value.length} times: once is enough`);
    if (typeof value === 'string') flags.set(flag, value);
  }
  return flags;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
