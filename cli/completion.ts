import { basename } from 'node:path';
import { command } from './command.js';
import { usageError } from './failure.js';

/**
 * Each asks netctl itself what may come next: the words up to the cursor, the last of which may be empty or begun. An exit
 * code other than 0 says that it is a file's name.
 */
const scripts = {
  bash: `# bash completion for netctl
_netctl() {
  local words
  COMPREPLY=()
  if words=$(netctl __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); then
    [ -z "$words" ] || mapfile -t COMPREPLY <<<"$words"
  else
    compopt -o default
  fi
}
complete -F _netctl netctl
`,
  zsh: `#compdef netctl
# zsh completion for netctl
_netctl() {
  local found
  if found=$(netctl __complete "\${(@)words[2,CURRENT]}" 2>/dev/null); then
    [[ -z $found ]] || compadd -- "\${(@f)found}"
  else
    _files
  fi
}
if [[ $funcstack[1] = _netctl ]]; then _netctl "$@"; else compdef _netctl netctl; fi
`,
  fish: `# fish completion for netctl
function __netctl_complete
  set -l begun (commandline -ct)
  set -l words (commandline -opc)
  netctl __complete $words[2..-1] "$begun" 2>/dev/null; or __fish_complete_path "$begun"
end
complete -c netctl -f -a '(__netctl_complete)'
`,
} as const;

export const shells = ['bash', 'zsh', 'fish'] as const;

export const completionCommand = command({
  name: 'completion',
  summary: 'Print a completion script for your shell',
  details: `SHELL is one of ${shells.join(', ')}; without it, the one that $SHELL names.`,
  names: { label: 'SHELL', count: 'optional' },
  flags: {},
  examples: ['netctl completion bash > /etc/bash_completion.d/netctl', 'source <(netctl completion bash)'],
  async run([given], _values, { output }) {
    const shell = shells.find((known) => known === (given ?? usualShell()));
    if (shell === undefined) {
      throw usageError(`there is no completion for the shell "${given}": choose one of ${shells.join(', ')}`, 'netctl completion');
    }
    await output.print(scripts[shell]);
  },
});

function usualShell(): string {
  const shell = basename(process.env['SHELL'] ?? '');
  return shells.some((known) => known === shell) ? shell : 'bash';
}
