import { hash } from 'node:crypto';

/**
 * A sum over entries that does not depend on their order: each entry's hash is added when it comes and
 * subtracted when it goes, so that a transaction costs what it touches, and not what the store holds.
 */
export type Digest = bigint;

/** Of a store without entries. */
export const emptyDigest: Digest = 0n;

const modulus = 1n << 128n;

/** @param text the entry's value as it is stored, with its revision. */
export function withEntry(digest: Digest, key: string, text: string): Digest {
  return (digest + hashOf(key, text)) % modulus;
}

export function withoutEntry(digest: Digest, key: string, text: string): Digest {
  return (digest - hashOf(key, text) + modulus) % modulus;
}

export function formatDigest(digest: Digest): string {
  return digest.toString(16).padStart(32, '0');
}

/** Undefined if the text is none that `formatDigest` makes. */
export function parseDigest(text: string): Digest | undefined {
  return /^[0-9a-f]{32}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}

/** The length of the key comes first: otherwise bytes could move from a key to its value unseen. */
function hashOf(key: string, text: string): bigint {
  return BigInt(`0x${hash('sha256', `${Buffer.byteLength(key)}:${key}${text}`, 'hex').slice(0, 32)}`);
}
