// main.js [BUILD [DIRECTORY]]: makes the programs netctl.cjs and netctld.cjs in DIRECTORY (BUILD/bin) of what the compiler left in BUILD (dist).
// To be run in the project's directory. Reasons: docs/decisions/bundles.md.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { build as esbuild, type BuildOptions } from 'esbuild';
import { external, withFiles } from './outside.js';
import { replaced } from './replaced.js';

const here = import.meta.dirname;
const build = resolve(process.argv[2] ?? dirname(here));
const directory = resolve(process.argv[3] ?? join(build, 'bin'));

/** Each with the runs of which V8 keeps what it compiled: it is worth it for what most runs need. */
const programs = {
  netctl: { entry: 'cli/main.js', runs: [['--help'], ['service', 'ls', '--help'], ['service', 'ls', '--host', 'unix:///nonexistent']] },
  netctld: { entry: 'daemon/main.js', runs: [['--help'], ['--check-state', '--state', '/nonexistent']] },
} as const;
type Program = keyof typeof programs;

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // What is loaded later is in the same file, and run then.
  supported: { 'dynamic-import': false },
  write: false,
  logLevel: 'warning',
  logOverride: { 'require-resolve-not-external': 'silent' },
};

async function bundle(program: Program): Promise<void> {
  const file = join(directory, `${program}.bundle.cjs`);
  const made = await esbuild({
    ...common,
    entryPoints: [join(build, programs[program].entry)],
    outfile: file,
    external: [...external],
    plugins: [replaced, withFiles],
    define: { 'import.meta.url': '__url' },
    banner: { js: '(function (exports, require, module, __filename, __dirname) { const __url = require("node:url").pathToFileURL(__filename).href;' },
    footer: { js: '})' },
    metafile: true,
    sourcemap: 'external',
    sourcesContent: false,
  });
  const [map, code] = made.outputFiles ?? [];
  if (map === undefined || code === undefined) throw new Error(`esbuild made nothing of ${program}`);
  put(`${file}.map`, map.text);
  put(join(directory, `${program}.meta.json`), JSON.stringify(made.metafile));
  put(file, `${code.text}//${createHash('sha256').update(code.contents).digest('hex').slice(0, 16)}`);
}

async function launcher(program: Program): Promise<void> {
  const made = await esbuild({ ...common, entryPoints: [join(here, 'launch.js')], define: { PROGRAM: JSON.stringify(program) }, banner: { js: '#!/usr/bin/env node' } });
  const file = join(directory, `${program}.cjs`);
  put(file, made.outputFiles?.[0]?.text ?? '', 0o755);
}

/** V8 keeps what it compiled for one set of its flags, so these are what netctld is started with. */
function flagsOf(program: Program): string[] {
  if (program === 'netctl') return [];
  const line = execFileSync('bin/netctld', { env: { ...process.env, NETCTLD_NODE: 'echo' }, encoding: 'utf8' });
  return line.split(' ').filter((word) => word.startsWith('--'));
}

function keepCode(program: Program): void {
  const file = join(directory, `${program}.code`);
  rmSync(file, { force: true });
  // The seed is the one flag that V8 does not look at when it takes the code; chosen at random, it would make another package of the same sources each time.
  const node = [...flagsOf(program), '--random-seed=1', '--import', join(here, 'keep-code.js'), join(directory, `${program}.cjs`)];
  for (const words of programs[program].runs) {
    const { stderr } = spawnSync(process.execPath, [...node, ...words], { encoding: 'utf8' });
    if (!existsSync(file)) throw new Error(`${program} ${words.join(' ')} did not run: ${stderr}`);
  }
}

/** At once: somebody may be about to start it. */
function put(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, text);
  chmodSync(temporary, mode);
  renameSync(temporary, file);
}

mkdirSync(directory, { recursive: true });
const names = Object.keys(programs) as Program[];
await Promise.all(names.flatMap((name) => [bundle(name), launcher(name)]));
for (const name of names) keepCode(name);
