import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

t.test('the version is the package\'s, commit and time are those that the build wrote down', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'netctl-build-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'dist', 'daemon'), { recursive: true });
  cpSync(fileURLToPath(new URL('../../../daemon/build-info.js', import.meta.url)), join(root, 'dist', 'daemon', 'build-info.js'));
  writeFileSync(join(root, 'package.json'), '{ "version": "7.8.9", "type": "module" }');
  const script = `import { readBuildInfo } from ${JSON.stringify(join(root, 'dist', 'daemon', 'build-info.js'))}; console.log(JSON.stringify(readBuildInfo()));`;
  const read = () => JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })) as unknown;
  t.same(read(), { version: '7.8.9', gitCommit: 'unknown', buildTime: 'unknown' });
  writeFileSync(join(root, 'dist', 'build-info.json'), '{ "gitCommit": "abc", "buildTime": "2026-01-01T00:00:00Z" }');
  t.same(read(), { version: '7.8.9', gitCommit: 'abc', buildTime: '2026-01-01T00:00:00Z' });
  t.end();
});
