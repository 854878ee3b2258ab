import { basename } from 'node:path';
import yargs from 'yargs';
import { command } from './command.js';
import { usageError } from './failure.js';

const shells = ['bash', 'zsh', 'fish'] as const;

export const completionCommand = command({
  name: 'completion',
  summary: 'Print a completion script for your shell',
  details: `SHELL is one of ${shells.join(', ')}; without it, the one that $SHELL names.`,
  names: { label: 'SHELL', count: 'optional' },
  flags: {},
  examples: ['netctl completion bash > /etc/bash_completion.d/netctl', 'source <(netctl completion bash)'],
  async run([shell = usualShell()]) {
    if (!shells.some((known) => known === shell)) {
      throw usageError(`there is no completion for the shell "${shell}": choose one of ${shells.join(', ')}`, 'netctl completion');
    }
    // yargs looks at nothing but this variable to choose its script.
    process.env['SHELL'] = shell;
    yargs().scriptName('netctl').showCompletionScript();
    return Promise.resolve();
  },
});

function usualShell(): string {
  const shell = basename(process.env['SHELL'] ?? '');
  return shells.some((known) => known === shell) ? shell : 'bash';
}
