import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, unavailable } from '../src/model/errors.js';
import { writeWhole } from './store/whole-file.js';

const pattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * What tells this machine from another one of the same name. Made up when it is first asked for, and kept in the state directory: whoever copies a
 * machine's disk must delete the file `host-id` on the copy.
 * @throws NetctlError `unavailable` if it can be neither read nor written.
 */
export function readHostId(state: string): string {
  const file = join(state, 'host-id');
  try {
    const held = readIfThere(file);
    if (held !== undefined && pattern.test(held)) return held;
    const made = randomUUID();
    mkdirSync(state, { recursive: true, mode: 0o700 });
    writeWhole(file, `${made}\n`);
    return made;
  } catch (error) {
    throw unavailable(`this host's id cannot be kept in ${file}: ${messageOf(error)}`);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
