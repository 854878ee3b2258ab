// The Debian package, on a machine of its own where nothing was installed: what it brings, who may use it, what stays and what goes.
// systemd is not the first process there, so its unit is checked by systemd's own tools, and its command run as the unit has it; then, in a lab, with Docker.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { lab, root } from './support/lab.js';
import { visit, type Step, type Visit } from './support/new-machine.js';
import { worksWithin } from './support/unit-rights.js';

const labName = `install${process.pid}`;
/** The build that this file is in. */
const build = dirname(dirname(import.meta.dirname));
const scratch = mkdtempSync(join(tmpdir(), 'netctl-install-'));

t.setTimeout(540_000);
t.teardown(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await execa(lab, ['down'], { reject: false, env: { LAB_NAME: labName } });
});

const packaging = (program: string, env: Record<string, string>): Promise<{ stdout: string; stderr: string }> => execa(join(root, 'packaging', program), { env: { DIST: build, ...env } });

const packageName = 'netctl.deb';
/** The system calls of the unit's sets, as the systemd of the new machine knows them. */
let systemCalls: readonly string[] = [];

/** Makes the package and moves it to where the other one is not. */
async function makePackage(name: string, env: Record<string, string> = {}): Promise<string> {
  const path = join(scratch, name);
  await packaging('deb', { OUTPUT: path, COMMIT: 'abc1234', SOURCE_DATE_EPOCH: '1790000000', ...env });
  return path;
}

const script = readFileSync(join(root, 'test/e2e/support/install-visit.sh'), 'utf8');

/** Nothing is installed where no packages can be had; in CI that is a failure. */
function whyNot({ unavailable, step }: Visit): string | undefined {
  if (unavailable !== undefined) return unavailable;
  return step('update').exitCode === 0 ? undefined : `packages of Debian cannot be fetched: ${step('update').text}`;
}

const succeeded = (t: Test, name: string, { exitCode, text }: Step): boolean => t.equal(exitCode, 0, name, exitCode === 0 ? {} : { printed: text.split('\n').slice(-40).join('\n') });

t.test('the package', { skip: process.getuid?.() === 0 ? false : 'needs root to make a machine of its own' }, async (t) => {
  const path = await makePackage(packageName);
  const other = makePackage('other.deb', { TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8', HOME: scratch });
  const visited = await visit(labName, script, readFileSync(path));
  const why = whyNot(visited);
  if (why !== undefined && !process.env['CI']) return void t.comment(`skipped: ${why}`);
  t.equal(why, undefined, 'there is a machine');
  const { step } = visited;
  for (const name of ['install', 'again', 'verify', 'security', 'calls', 'wanted', 'manual', 'start', 'member', 'version', 'upgrade', 'still', 'stop', 'restart', 'state', 'remove', 'purge']) {
    succeeded(t, name, step(name));
  }
  systemCalls = step('calls').text.trim().split('\n');
  checkFiles(t, step);
  checkUse(t, step);
  checkEnd(t, step);
  const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
  t.equal(digest(await other), digest(path), 'the same source makes the same package');
});

function checkFiles(t: Test, step: Visit['step']): void {
  t.equal(step('modes').text, [
    'lrwxrwxrwx root root /usr/bin/netctl',
    'lrwxrwxrwx root root /usr/sbin/netctld',
    '-rw-r--r-- root root /usr/lib/netctl/LICENSE',
    '-rw-r--r-- root root /usr/lib/netctl/package.json',
    '-rwxr-xr-x root root /usr/lib/netctl/dist/bin/netctl.cjs',
    '-rwxr-xr-x root root /usr/lib/netctl/bin/netctld',
    'drwxr-xr-x root root /usr/lib/netctl/node_modules/koffi',
    '-rw-r--r-- root root /usr/lib/systemd/system/netctld.service',
    '-rw-r--r-- root root /usr/lib/modules-load.d/netctl.conf',
    '-rw-r--r-- root root /usr/lib/sysusers.d/netctl.conf',
    '-rw-r--r-- root root /etc/netctl/netctld.json',
    'drwx------ root root /var/lib/netctl',
    '',
  ].join('\n'));
  t.match(step('group').text, /^netctl:x:\d+:\n$/);
  t.equal(step('other-owners').text, '');
  t.equal(step('useless').text, '', 'what only developers need is not there');
  t.equal(step('verify').text, '', 'systemd has nothing to say against the unit');
  t.match(step('security').text, /Overall exposure level for netctld\.service: [0-4]\.\d OK/);
  t.equal(step('wanted').text.split('\n').filter((line) => line === 'netctld.service').length, 2, 'it starts with the machine, and with Docker');
  t.match(step('manual').text, /^\d{3}\n\d{2,}\n\d{2,}\n$/, 'the manual pages have text, and no warnings');
}

function checkUse(t: Test, step: Visit['step']): void {
  t.match(step('member').text, /^Creating tenant: blue\n/);
  t.match(step('version').text, /^Client Version:\n[^]*\nServer Version:\nVersion: \d/, 'a member of the group may use it');
  t.equal(step('other').exitCode, 2, 'and nobody else');
  t.match(step('other').text, /netctl: permission to use \/run\/netctl\/netctl\.sock was denied: use sudo, or join its group with "sudo usermod -aG netctl other" and log in again\n$/);
  t.equal(step('commands').text, 'inspect\n', 'Bash completes a command');
  t.equal(step('names').text, 'blue\n', 'and the name of what there is');
}

function checkEnd(t: Test, step: Visit['step']): void {
  t.equal(step('still').text, 'blue\ndefault\n', 'an upgrade does not end the daemon of before');
  t.equal(step('state').text, 'blue\ndefault\n', 'and the new one has its state');
  t.equal(step('configured').text, '{"address-rest": 61}\n', 'and its configuration');
  const removed = step('removed').text;
  t.match(removed, /cannot access '\/usr\/lib\/netctl'[^]*cannot access '\/usr\/bin\/netctl'[^]*cannot access '\/usr\/share\/man/);
  t.match(removed, /\/etc\/netctl:\nnetctld\.json\n[^]*\/var\/lib\/netctl:\n\S+/, 'the state and the configuration stay');
  t.equal(step('purged').text, '', 'until they are purged');
  t.equal(step('group-gone').exitCode, 2, 'with the group');
}

t.test('netctld has what it needs with no more rights than its unit gives it', async (t) => {
  if (systemCalls.length === 0) return void t.comment('skipped: there was no machine that has systemd');
  const files = join(scratch, 'files');
  await execa('dpkg-deb', ['-x', join(scratch, packageName), files]);
  await worksWithin(t, { program: join(files, 'usr/sbin/netctld'), unitPath: join(files, 'usr/lib/systemd/system/netctld.service'), calls: systemCalls });
});

t.test('make install and make uninstall', async (t) => {
  const destination = join(scratch, 'destination');
  const files = async (...where: string[]): Promise<string[]> => (await execa('find', [destination, ...where, '-printf', '%P\n'])).stdout.split('\n').sort();
  const env = { DESTDIR: destination, PREFIX: '/opt' };
  await packaging('install', env);
  const found = await files();
  for (const path of ['opt/bin/netctl', 'opt/sbin/netctld', 'opt/lib/systemd/system/netctld.service', 'opt/share/man/man8/netctld.8.gz', 'etc/netctl/netctld.json', 'var/lib/netctl']) t.ok(found.includes(path), path);
  t.match(readFileSync(join(destination, 'opt/lib/systemd/system/netctld.service'), 'utf8'), /^ExecStart=\/opt\/sbin\/netctld$/m);
  t.match((await execa(join(destination, 'opt/bin/netctl'), ['--version'])).stdout, /^netctl version \d/, 'it runs from there');
  t.match((await execa(join(destination, 'opt/sbin/netctld'), ['--version'])).stdout, /^\d/);
  const config = join(destination, 'etc/netctl/netctld.json');
  const shipped = readFileSync(config);
  writeFileSync(config, '{"log-level":"debug"}');
  writeFileSync(join(destination, 'var/lib/netctl/kept'), '');
  const { stderr } = await packaging('uninstall', env);
  t.strictSame(await files('!', '-type', 'd'), ['etc/netctl/netctld.json', 'var/lib/netctl/kept'], 'the state is left, and a configuration that was changed');
  t.match(stderr, /etc\/netctl\/netctld\.json is left: remove it/);
  writeFileSync(config, shipped);
  await packaging('uninstall', env);
  t.strictSame(await files('!', '-type', 'd'), ['var/lib/netctl/kept'], 'a configuration that was not changed is not left');
});

t.test('the unit gives netctld no mount namespace of its own', (t) => {
  const unit = readFileSync(join(root, 'packaging/systemd/netctld.service'), 'utf8');
  // systemd.exec(5) and exec_needs_mount_namespace() of systemd 252: in such a namespace routers would be seen by nobody else.
  const making = /^(Root(Directory|Image)|MountAPIVFS|Bind(ReadOnly)?Paths|MountImages|ExtensionImages|ExtensionDirectories|Protect(System|Home|KernelTunables|KernelModules|KernelLogs|ControlGroups|Proc)|ProcSubset|Private(Tmp|Devices|Mounts|IPC|Network|Users)|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|TemporaryFileSystem|MountFlags|DynamicUser|LogNamespace)=/gm;
  t.strictSame(unit.match(making), null);
  t.match(unit, /^RestrictNamespaces=net$/m);
  t.match(unit, /^Type=notify$/m);
  t.match(unit, /^Before=docker\.service$/m);
  t.end();
});
