import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { conflict, invalid, messageOf } from '../src/model/errors.js';

/**
 * Makes a path free to listen on: its directory exists and the socket file that a crashed process
 * left behind is gone.
 * @throws NetctlError `conflict` if somebody listens there, `invalid` if there is something else than a socket.
 */
export async function freeSocketPath(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const found = await lstat(path).catch(absent);
  if (found === undefined) return;
  if (!found.isSocket()) throw invalid(`cannot listen at ${path}: there is something that is not a socket; remove it`);
  if (await answers(path)) throw conflict(`cannot listen at ${path}: another process does; stop it first`);
  await unlink(path).catch(absent);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // EAGAIN: somebody listens, and so many wait for him that no one more fits in.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(invalid(`cannot listen at ${path}: ${messageOf(error)}`));
    });
  });
}

function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
