import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Calls `use` with the name of a file that holds this text, which nobody else can read and which is
 * removed afterwards. nft and conntrack open /dev/stdin by its name, and that fails with ENXIO where it is a
 * socket, as it is in Node's children: what they are to read must be in a file.
 */
export async function withCommandFile<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'netctl-'));
  try {
    const file = join(directory, 'commands');
    await writeFile(file, text, { mode: 0o600 });
    return await use(file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
