import type { DeploymentObject, VersionObject } from '../src/wire/objects.js';
import { clientVersion } from './build.js';
import { command } from './command.js';
import { versionPath } from './paths.js';

export const versionCommand = command({
  name: 'version',
  summary: 'Show the versions of netctl and netctld, where the state is, and how many hosts share it',
  details: '"netctl --version" shows that of netctl alone and asks nobody.',
  flags: {},
  examples: ['netctl version'],
  async run(_names, _values, { api, output }) {
    // The client's own version is told even if netctld cannot be asked.
    await output.print(described('Client', clientVersion()));
    const server = await api.get<DeploymentObject>(versionPath);
    await output.print(`\n${described('Server', server)}${deployed(server)}`);
  },
});

/** An older netctld does not tell. */
function deployed({ store, hosts }: Partial<DeploymentObject>): string {
  return `${store === undefined ? '' : `Store: ${store}\n`}${hosts === undefined ? '' : `Hosts: ${hosts.present} of ${hosts.known} there\n`}`;
}

function described(side: string, { version, gitCommit, buildTime }: VersionObject): string {
  return `${side} Version:\nVersion: ${version}\nGitCommit: ${gitCommit}\nBuildTime: ${buildTime}\n`;
}
