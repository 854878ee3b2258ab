import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IpAddress } from '../../src/model/address.js';
import { messageOf, unavailable } from '../../src/model/errors.js';
import type { TunnelKey } from './port.js';

/** A raw X25519 private key becomes one that Node takes with this before it: PKCS #8 (RFC 8410, section 7). */
const pkcs8Header = Buffer.from('302e020100300506032b656e04220420', 'hex');
/** In bytes, of both parts of a key. */
const keyLength = 32;

/**
 * The host's own keys: files `0.key` and `1.key` of a directory that only root reads, each with a private key in base64, as WireGuard's programs take
 * it. The private part is read by the program that gives it to the kernel, and otherwise only to know its public part.
 */
export class WireguardKeys {
  /** @param directory made when it is needed. */
  constructor(private readonly directory: string) {}

  /** The file of a key, whether there is one or not. */
  fileOf(index: number): string {
    return join(this.directory, `${index}.key`);
  }

  /** All, by their numbers. @throws NetctlError `unavailable`, also for a file that holds no key. */
  async list(): Promise<TunnelKey[]> {
    return this.refusing('read', async () => {
      const names = await readdir(this.directory).catch(nothingIfAbsent);
      const indexes = names.flatMap((name) => /^(\d)\.key$/.exec(name)?.[1] ?? []).map(Number);
      return Promise.all(indexes.toSorted().map((index) => this.read(index)));
    });
  }

  /** Replaces the key of that number. A crash leaves the old one or the new one. */
  async make(index: number): Promise<TunnelKey> {
    return this.refusing('written', async () => {
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      const { privateKey } = generateKeyPairSync('x25519');
      const unfinished = join(this.directory, `${index}.new`);
      await rm(unfinished, { force: true });
      const file = await open(unfinished, 'wx', 0o600);
      try {
        await file.writeFile(`${rawOf(privateKey, 'pkcs8').toString('base64')}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, this.fileOf(index));
      return this.read(index);
    });
  }

  /** Succeeds if there is none. */
  delete(index: number): Promise<void> {
    return this.refusing('removed', () => rm(this.fileOf(index), { force: true }));
  }

  private async read(index: number): Promise<TunnelKey> {
    const file = this.fileOf(index);
    const raw = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64');
    if (raw.length !== keyLength) throw unavailable(`${file} does not hold a key of WireGuard: remove it, then the host makes itself another one`);
    const key = createPublicKey(createPrivateKey({ key: Buffer.concat([pkcs8Header, raw]), format: 'der', type: 'pkcs8' }));
    const octets = rawOf(key, 'spki');
    return { index, publicKey: octets.toString('base64'), address: addressOfKey(octets), since: Math.round((await stat(file)).mtimeMs) };
  }

  private async refusing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Error && 'code' in error) throw unavailable(`the keys of WireGuard in ${this.directory} cannot be ${what}: ${messageOf(error)}`, error);
      throw error;
    }
  }
}

/** What is the key itself comes last in either form. */
function rawOf(key: KeyObject, type: 'pkcs8' | 'spki'): Buffer {
  return key.export({ format: 'der', type } as { format: 'der'; type: 'pkcs8' }).subarray(-keyLength);
}

/** A unique local address (RFC 4193) whose other 15 octets are those of the key's digest: nobody has to give them out. */
export function addressOfKey(publicKey: Buffer): IpAddress {
  const digest = createHash('sha256').update(publicKey).digest('hex');
  return IpAddress.fromValue(6, BigInt(`0xfd${digest.slice(0, 30)}`));
}

function nothingIfAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
