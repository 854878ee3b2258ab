import { once } from 'node:events';
import { chmod, chown, readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { freeSocketPath } from '../../plugin/socket.js';
import { messageOf, NetctlError, unavailable } from '../../src/model/errors.js';

export interface UnixSocketOptions {
  /** The groups that may use the socket besides root: the first that the host has. Default: netctl, docker. */
  readonly groups?: readonly string[];
  /** Where the host's groups are listed, as group(5) has it. */
  readonly groupFile?: string;
}

/**
 * Lets the server listen on a Unix socket of mode 0660. The socket that a crashed daemon left is
 * replaced; one on which somebody listens is not.
 *
 * @throws NetctlError `conflict` or `invalid` if the path is taken, `unavailable` if it cannot be made.
 */
export async function listenOnUnixSocket(server: Server, path: string, options: UnixSocketOptions = {}): Promise<void> {
  const { groups = ['netctl', 'docker'], groupFile = '/etc/group' } = options;
  try {
    await freeSocketPath(path);
    await listen(server, path);
    const group = await groupId(groups, groupFile);
    if (group !== undefined) await chown(path, process.getuid?.() ?? 0, group);
    await chmod(path, 0o660);
  } catch (error) {
    server.close();
    if (error instanceof NetctlError) throw error;
    throw unavailable(`cannot listen at ${path}: ${messageOf(error)}`, error);
  }
}

/** The socket is made by `bind` within the call, for root alone, before anybody else can open it. */
async function listen(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  await once(server, 'listening');
}

async function groupId(names: readonly string[], file: string): Promise<number | undefined> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of names) {
    const id = lines.find(([group]) => group === name)?.[2];
    if (id !== undefined) return Number(id);
  }
  return undefined;
}
