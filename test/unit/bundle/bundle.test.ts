// What a start of netctl and netctld costs, counted instead of timed: which packages are in the bundles, and what their runs load.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Metafile } from 'esbuild';
import t from 'tap';
import { Api, ok } from '../cli/harness.js';
import { root } from '../docs/markdown.js';

const build = dirname(dirname(dirname(import.meta.dirname)));
// Below the project's directory: what is not in a bundle is looked for in node_modules of a directory above it.
mkdirSync(join(root, '.build'), { recursive: true });
const base = mkdtempSync(join(root, '.build', 'bundle-test-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
const run = (...words: string[]): string => execFileSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
run(join(build, 'bundle/main.js'), build, base);

type Program = 'netctl' | 'netctld';

function packagesOf(program: Program): string[] {
  const { outputs } = JSON.parse(readFileSync(join(base, `${program}.meta.json`), 'utf8')) as Metafile;
  const [bundle] = Object.values(outputs).filter(({ entryPoint }) => entryPoint !== undefined);
  const inputs = Object.entries(bundle?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return [...new Set(inputs.flatMap(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))].sort();
}

interface Loaded {
  /** Modules of Node.js, those of its own left out. */
  readonly builtins: readonly string[];
  readonly files: readonly string[];
  /** Whether V8 took the code that the build kept, for each script. */
  readonly kept: readonly boolean[];
}

const watcher = join(base, 'watcher.cjs');
writeFileSync(watcher, `const vm = require('node:vm'); const { writeFileSync } = require('node:fs'); const scripts = [];
vm.Script = class extends vm.Script { constructor(code, options) { super(code, options); scripts.push(this); } };
process.on('exit', () => writeFileSync(process.env.SEEN, JSON.stringify({ builtins: process.moduleLoadList, files: Object.keys(require.cache), kept: scripts.map((script) => script.cachedDataRejected === false) })));`);
const nothing = join(base, 'nothing.cjs');
writeFileSync(nothing, '');

async function loadedBy(...words: string[]): Promise<Loaded> {
  const seen = join(base, 'seen.json');
  await once(spawn(process.execPath, ['--require', watcher, ...words], { env: { SEEN: seen }, stdio: ['ignore', 'pipe', 'pipe'] }), 'close');
  const { builtins, files, kept } = JSON.parse(readFileSync(seen, 'utf8')) as Loaded;
  const known = builtins.filter((name) => /^NativeModule (?!internal\/|_)/.test(name)).map((name) => name.replace('NativeModule ', ''));
  return { builtins: known, files: files.filter((file) => file !== watcher), kept };
}

/** What a run loads that a run of nothing does not. */
async function more(...words: string[]): Promise<string[]> {
  const [{ builtins }, bare] = [await loadedBy(...words), await loadedBy(nothing)];
  return builtins.filter((name) => !bare.builtins.includes(name)).sort();
}

const flags = ['--min-semi-space-size=2', '--max-semi-space-size=16', '--heap-growing-percent=30'];
const [netctl, netctld] = [join(base, 'netctl.cjs'), join(base, 'netctld.cjs')];
const task = ['--check-state', '--state', join(base, 'none')];

t.test('packages in netctl', async (t) => {
  t.strictSame(packagesOf('netctl'), ['ansi-regex', 'ansi-styles', 'cliui', 'escalade', 'get-caller-file', 'strip-ansi', 'wrap-ansi', 'y18n', 'yargs', 'yargs-parser'], 'what reads a command line, and nothing else: each package costs every run');
});

t.test('packages in netctld', async (t) => {
  const packages = packagesOf('netctld');
  t.ok(packages.includes('fastify') && packages.includes('dockerode'), 'they are known');
  t.strictSame(packages.filter((name) => /^(ssh2|tar-fs|yaml|ajv|thread-stream|string-width|typescript|esbuild|tap)$/.test(name)), [], 'what is never called');
  const mebibytes = statSync(join(base, 'netctld.bundle.cjs')).size / 2 ** 20;
  t.ok(mebibytes < 6, `${mebibytes.toFixed(1)} MiB to read at each start`);
});

t.test('questions to Docker are not made texts of', async (t) => {
  const bundle = readFileSync(join(base, 'netctld.bundle.cjs'), 'latin1');
  const [, modem = ''] = /\n {2}"node_modules\/docker-modem\/lib\/modem\.js"\([^]*?\n([^]*?)\n {2}\}\n\}\);/.exec(bundle) ?? [];
  t.match(modem, /debug\("Sending: %s", util\d*\.inspect\(/, 'docker-modem would do so');
  t.notMatch(modem, /require\("(node:)?util"\)/, 'with what does it, if it had it');
});

t.test('what netctl loads', async (t) => {
  const help = await loadedBy(netctl, '--help');
  t.strictSame(help.files, [netctl], 'no file but its own');
  t.strictSame(help.kept, [true], 'V8 takes the code that was kept');
  const streams = ['diagnostics_channel', 'net', 'stream', 'stream/promises', 'string_decoder'];
  t.strictSame(await more(netctl, '--help'), streams, 'of Node.js, for help: what its output is');
  const question = 'GET /api/v1/inspect/serviceLBs/?tenant=default&brief=true';
  const api = await Api.listen({ [question]: ok([]) });
  t.teardown(() => api.close());
  t.strictSame(await more(netctl, 'service', 'ls', '--host', `unix://${api.socket}`), [...streams, 'http', 'os', 'timers/promises'].sort(), 'and for a question');
  t.strictSame(api.asked, [question], 'which was asked, and nothing else');
});

t.test('what netctld loads', async (t) => {
  const { files, kept } = await loadedBy(...flags, netctld, ...task);
  const outside = files.filter((file) => file !== netctld).map((file) => relative(root, file));
  t.strictSame(outside.filter((file) => !/^node_modules\/(koffi|@koromix|netlink|classic-level)\//.test(file)), [], 'no files but its own and those of native packages');
  t.ok(outside.some((file) => file.endsWith('/classic-level.node')) && outside.length <= 10, `${outside.length} of these`);
  t.strictSame(kept, [true], 'V8 takes the code that was kept for the flags of bin/netctld');
  const builtins = await more(...flags, netctld, ...task);
  t.ok(builtins.includes('http'), 'they are known');
  t.strictSame(builtins.filter((name) => /^(cluster|dns|http2|https|inspector|tls|zlib)$/.test(name)), [], 'of Node.js nothing that is only for other machines');
});

t.test('code that was kept of something else is not taken', async (t) => {
  const other = join(base, 'other');
  for (const file of ['netctl.cjs', 'netctl.bundle.cjs', 'netctl.code']) cpSync(join(base, file), join(other, file));
  const bundle = join(other, 'netctl.bundle.cjs');
  // As long as it was, so that V8 itself would not see the difference.
  const text = readFileSync(bundle, 'latin1').replace('netctl version ${', 'netctl VERSION ${').replace(/[0-9a-f]{16}$/, '0123456789abcdef');
  writeFileSync(bundle, text, 'latin1');
  t.match(run(join(other, 'netctl.cjs'), '--version'), /^netctl VERSION \d/);
});

t.test('places in a bundle are told as places in the sources', async (t) => {
  const lines = readFileSync(join(base, 'netctld.bundle.cjs'), 'latin1').split('\n');
  const line = lines.findIndex((text) => text.includes('is not understood: netctld takes flags only'));
  const column = (lines[line] ?? '').indexOf('invalid');
  const stack = `at parse (netctld.bundle.cjs:${line + 1}:${column + 1})\n`;
  const told = execFileSync(process.execPath, [join(build, 'bundle/where.js'), base], { cwd: root, input: stack, encoding: 'utf8' });
  const [, place = '', number = ''] = /^at parse \((.*\.ts):(\d+):\d+\)\n$/.exec(told) ?? [];
  t.equal(place, 'daemon/config/command-line.ts');
  t.match(readFileSync(join(root, place), 'utf8').split('\n')[Number(number) - 1], /is not understood: netctld takes flags only/);
});

t.test('in a clone the lab runs what was compiled last', async (t) => {
  const clone = join(base, 'clone');
  for (const directory of ['bin', 'lab/bin', 'dist/bin']) mkdirSync(join(clone, directory), { recursive: true });
  for (const [starter, compiled, variable] of [['bin/netctld', 'dist/daemon/main.js', 'NETCTLD_NODE'], ['lab/bin/netctl', 'dist/cli/main.js', 'LAB_NODE']] as const) {
    const bundle = join(clone, `dist/bin/${starter.split('/').at(-1)}.cjs`);
    cpSync(join(root, starter), join(clone, starter));
    const started = (): string => execFileSync(join(clone, starter), { env: { ...process.env, [variable]: 'echo' }, encoding: 'utf8' });
    t.match(started(), `${compiled}\n`, 'without a bundle');
    writeFileSync(bundle, '');
    t.match(started(), `${relative(clone, bundle)}\n`, 'installed, where nothing is compiled');
    const compilation = join(clone, 'dist/tsconfig.tsbuildinfo');
    writeFileSync(compilation, '');
    utimesSync(bundle, 1000, 1000);
    t.match(started(), `${compiled}\n`, 'compiled after it was bundled');
    utimesSync(bundle, Date.now() / 1000 + 10, Date.now() / 1000 + 10);
    t.match(started(), `${relative(clone, bundle)}\n`, 'bundled after it was compiled');
    rmSync(compilation);
  }
});
