import type { VersionObject } from '../src/wire/objects.js';
import { clientVersion } from './build.js';
import { command } from './command.js';
import { versionPath } from './paths.js';

export const versionCommand = command({
  name: 'version',
  summary: 'Show the versions of netctl and netctld',
  details: '"netctl --version" shows that of netctl alone and asks nobody.',
  flags: {},
  examples: ['netctl version'],
  async run(_names, _values, { api, output }) {
    // The client's own version is told even if netctld cannot be asked.
    await output.print(described('Client', clientVersion()));
    const server = await api.get<VersionObject>(versionPath);
    await output.print(`\n${described('Server', server)}`);
  },
});

function described(side: string, { version, gitCommit, buildTime }: VersionObject): string {
  return `${side} Version:\nVersion: ${version}\nGitCommit: ${gitCommit}\nBuildTime: ${buildTime}\n`;
}
