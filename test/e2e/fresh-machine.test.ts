// The two commands of README on a machine where nothing was ever installed, and what is said where Node.js itself is missing.
// FRESH_TEST is what `make test` is given there: a part of the unit suite by default, for all the others run on this machine anyway.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { processesIn, readMachine } from '../support/machine.js';
import { lab, until } from './support/lab.js';
import { machine, onNewMachine, visit, type Step } from './support/new-machine.js';

const choice = process.env.FRESH_TEST ?? 'SUITE=unit FILE=unit/api';
const labName = `fresh${process.pid}`;

t.setTimeout(540_000);

/** A reason why a new machine can install nothing here. In CI that is a failure, so nobody asks. */
async function unreachable(): Promise<string | undefined> {
  if (process.env.CI) return undefined;
  const { unavailable, step } = await visit(labName, `
    step Debian sudo apt-get -qq -o Dir::State::Lists=/tmp --error-on=any update
    step npm npm view --fetch-retries=0 tap version`);
  const failed = ['Debian', 'npm'].find((name) => step(name).exitCode > 0);
  const reason = unavailable ?? (failed === undefined ? undefined : `packages of ${failed} cannot be fetched: ${step(failed).text}`);
  return reason?.replaceAll(/\s+/g, ' ').slice(0, 300);
}

/** Everything of a lab of this name that can be seen from outside the machine that it was in. */
function remains(): string[] {
  const groups = ['', ...readdirSync('/sys/fs/cgroup')].map((hierarchy) => `/sys/fs/cgroup/${hierarchy}/netctl-lab/${labName}`);
  return [...processesIn(`netctl-lab/${labName}`), ...groups.filter((group) => existsSync(group))];
}

t.teardown(() => execa(lab, ['down'], { reject: false, env: { LAB_NAME: labName } }));

const reason = process.getuid?.() !== 0 ? 'needs root to make a machine of its own' : await unreachable();
const options = { skip: reason !== undefined && !process.env.CI ? reason : false };

t.test('README on a new machine', options, async (t) => {
  const before = await readMachine();
  const step = await onNewMachine(labName, `
    step packages dpkg-query -f '\${Package}\\n' -W
    git clone --quiet /srv/netctl netctl && cd netctl
    step demo make demo
    step again make deps
    step test make test ${choice}
    step status git status --porcelain
    step left ls /run/netctl-lab /var/lib/netctl-lab`);
  const present = step('packages').text.split('\n');
  t.strictSame(present.filter((name) => /^(docker|containerd|runc|nftables|iptables|iproute|conntrack|curl|socat|busybox|procps|nodejs|python|g\+\+)/.test(name)), [], 'nothing is there yet');
  t.ok(present.includes('libc6'), 'and what is there is known');
  checkDemo(t, step('demo'));
  t.strictSame(step('again'), { exitCode: 0, text: '' }, 'the next time nothing is missing, so nothing is done');
  checkTest(t, step('test'));
  t.strictSame(step('status'), { exitCode: 0, text: '' }, 'the clone holds nothing that git does not know of or ignore');
  t.match(step('left'), { exitCode: 2, text: /'\/run\/netctl-lab': No such file.*\n.*'\/var\/lib\/netctl-lab': No such file/ }, 'the lab is gone');
  t.strictSame(remains(), [], 'and nothing of it can be seen from outside');
  t.strictSame(await readMachine(), before, 'this machine is as it was');
});

/** What helps where a step failed. */
const endOf = ({ exitCode, text }: Step): string | undefined => (exitCode === 0 ? undefined : text.split('\n').slice(-80).join('\n'));

function checkDemo(t: Test, demo: Step): void {
  t.equal(demo.exitCode, 0, 'make demo', { printed: endOf(demo) });
  t.match(demo.text, /^deps: installing from Debian: .*\bdocker\.io\b.*\bnftables\b/m, 'it installs what is missing');
  t.match(demo.text, /^added \d+ packages/m, "npm's packages too");
  t.match(demo.text, /^ok: 400 connections are answered, 100 by each provider$/m, 'the walk-through is done');
  t.match(demo.text, /^All \d+ checks hold, after \d+ s\.$/m, 'to its end');
}

function checkTest(t: Test, test: Step): void {
  t.equal(test.exitCode, 0, 'make test', { printed: endOf(test) });
  t.match(test.text.split('\n').at(-2), /^[1-9]\d* passed, 0 failed(, \d+ skipped)?$/, 'its last line counts what passed');
}

t.test('a new machine without a Node.js that will do', options, async (t) => {
  const step = await onNewMachine(labName, `
    git clone --quiet /srv/netctl netctl && cd netctl
    mkdir /tmp/old /tmp/bare
    printf '#!/bin/sh\\necho 18.20.4\\n' >/tmp/old/node
    chmod +x /tmp/old/node
    ln -s /usr/local/bin/node /tmp/bare/node
    step none env PATH=/usr/bin:/bin make demo
    step old env PATH=/tmp/old:/usr/bin:/bin make test
    step bare env PATH=/tmp/bare:/usr/bin:/bin make deps
    step installed dpkg-query -W docker.io nftables`);
  t.match(step('none'), { exitCode: 2, text: /^deps: there is no Node\.js; netctl needs 20\.19 or newer .*take it from the Node\.js project/m });
  t.match(step('old'), { exitCode: 2, text: /^deps: Node\.js 18\.20\.4 is too old; netctl needs 20\.19 or newer .*take it from the Node\.js project/m });
  t.match(step('bare'), { exitCode: 2, text: /^deps: there is no npm; it comes with Node\.js/m });
  t.equal(step('installed').exitCode, 1, 'nothing was installed for it');
});

/** The process namespace that a process makes for its children. */
const namespaceBelow = (pid: number | undefined): string => readlinkSync(`/proc/${pid}/ns/pid_for_children`);

/** The processes of a process namespace. One that ends meanwhile, or has ended, has none any more. */
function processesOf(namespace: string): string[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && namespaceOf(entry) === namespace);
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

t.test('a machine that is killed is gone, whole', options, async (t) => {
  const before = await readMachine();
  const child = spawn(machine, ['sh', '-c', 'sleep 3600 & echo ready; wait'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LAB_NAME: labName } });
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise((resolve, reject) => child.stdout.once('data', resolve).once('end', () => reject(new Error('the machine did not come up'))));
  const namespace = namespaceBelow(child.pid);
  t.ok(processesOf(namespace).length >= 3, 'it runs: its first process, the shell, sleep');
  child.kill('SIGKILL');
  await until('its processes are gone', () => Promise.resolve(processesOf(namespace).length === 0 || processesOf(namespace).join(' ')));
  t.strictSame(readdirSync('/var/cache/netctl-lab/machine'), [], 'and its files');
  t.strictSame(await readMachine(), before, 'this machine is as it was');
});
