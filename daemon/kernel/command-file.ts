import { randomUUID } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Calls `use` with the descriptor of a file that holds this text, to be a program's standard input. nft
 * and conntrack open /dev/stdin by its name, and that fails with ENXIO where it is a socket, as Node's
 * pipes are. The file has lost its name before it is filled: nobody else reads it, and nothing of it
 * remains however the daemon ends.
 */
export async function withCommandFile<T>(text: string, use: (descriptor: number) => Promise<T>): Promise<T> {
  const name = join(tmpdir(), `netctl-${randomUUID()}`);
  const file = await open(name, 'wx+', 0o600);
  try {
    await unlink(name);
    await writeAll(file, Buffer.from(text));
    return await use(file.fd);
  } finally {
    await file.close();
  }
}

/** Writes at positions, so that a program which reads the descriptor itself starts at the beginning, too. */
async function writeAll(file: Awaited<ReturnType<typeof open>>, data: Buffer): Promise<void> {
  for (let position = 0; position < data.length; ) {
    const { bytesWritten } = await file.write(data, position, data.length - position, position);
    position += bytesWritten;
  }
}
