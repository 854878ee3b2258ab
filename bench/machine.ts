import { cpus, release, totalmem } from 'node:os';
import { basename } from 'node:path';
import { execa } from 'execa';
import type { Machine } from './outcome.js';
import type { Suite } from './suite.js';

/** What the report says of this machine. */
export async function describeMachine(programs: Suite['programs']): Promise<Machine> {
  const [first] = cpus();
  return {
    processor: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    programs: { 'Node.js': process.versions.node, ...Object.fromEntries(await Promise.all(programs.map(async ([program, ...words]) => [basename(program), await versionOf(program, words)] as const))) },
  };
}

/** The first number with dots in the first lines that the program prints. */
async function versionOf(program: string, words: readonly string[]): Promise<string> {
  const { all } = await execa(program, words, { all: true, reject: false });
  return /\d+(\.\d+)+[^\s,]*/.exec(all)?.[0] ?? 'unknown';
}
