// The lab of virtual machines: vagrant itself reads what is planned; then each step of it is taken, on files of a new Debian machine, which are booted as
// three hosts with systemd. What vagrant does besides is to make the machines: that needs a hypervisor, and is not tested.
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { readMachine } from '../support/machine.js';
import { lab, root } from './support/lab.js';
import { visit, type Step, type Visit } from './support/new-machine.js';

const labName = `vagrant${process.pid}`;

t.setTimeout(540_000);
t.teardown(() => execa(lab, ['down'], { reject: false, env: { LAB_NAME: labName } }));

/** One machine, as vagrant-plan.rb prints it. */
interface PlannedMachine {
  readonly name: string;
  readonly hostname: string;
  readonly box: string;
  readonly addresses: readonly string[];
  readonly steps: readonly { readonly name: string; readonly inline: string; readonly env: Readonly<Record<string, string>> }[];
}

const support = (name: string): string => readFileSync(join(root, 'test/e2e/support', name), 'utf8');

/** For what is planned for several machines, two of which are members of etcd: with the second there are most of them. */
const lines = `
  exec 2>&1
  cd /tmp
  cat >plan.rb
  export DEBIAN_FRONTEND=noninteractive
  step update sudo apt-get -qq --error-on=any update
  step install sudo apt-get -qq -o Dpkg::Use-Pty=0 install --yes --no-install-recommends vagrant
  git clone --quiet /srv/netctl netctl && cd netctl/vagrant
  step validate vagrant validate --ignore-provider
  step many env HOSTS=5 ETCD=5 vagrant validate --ignore-provider
  step few env HOSTS=0 vagrant validate --ignore-provider
  step members env ETCD=4 vagrant validate --ignore-provider
  step network env NETWORK=10.1.1.0/24 vagrant validate --ignore-provider
  step plan env HOSTS=3 ETCD=2 ruby /tmp/plan.rb
  step status git status --porcelain`;

let plan: readonly PlannedMachine[] = [];
let before: unknown;

/** Where no packages can be had nothing is tested; in CI that is a failure. */
function unreachable(t: Test, { unavailable, step }: Visit): boolean {
  const why = unavailable ?? (step('update').exitCode === 0 ? undefined : step('update').text);
  if (why !== undefined && !process.env.CI) t.comment(`skipped: packages of Debian cannot be fetched: ${why}`);
  else t.equal(why, undefined, 'there is a machine');
  return why !== undefined;
}

const succeeded = (t: Test, name: string, { exitCode, text }: Step): boolean => t.equal(exitCode, 0, name, exitCode === 0 ? {} : { printed: text.split('\n').slice(-60).join('\n') });

const options = { skip: process.getuid?.() === 0 ? false : 'needs root to make a machine of its own' };

t.test('what vagrant reads', options, async (t) => {
  before = await readMachine();
  const visited = await visit(labName, lines, Buffer.from(support('vagrant-plan.rb')));
  if (unreachable(t, visited)) return;
  const { step } = visited;
  for (const name of ['install', 'validate', 'many', 'plan']) succeeded(t, name, step(name));
  t.match(step('validate').text, /^Vagrantfile validated successfully\.$/m);
  t.match(step('few'), { exitCode: 1, text: /^HOSTS is "0": use a number from 1 to 200$/m });
  t.match(step('members'), { exitCode: 1, text: /^ETCD is "4": use a number from 1 to 3$/m });
  t.match(step('network'), { exitCode: 1, text: /^NETWORK is "10\.1\.1\.0\/24": use the first three numbers/m });
  t.equal(step('status').text, '', 'what vagrant writes is ignored by git');
  plan = JSON.parse(step('plan').text) as PlannedMachine[];
  t.strictSame(plan.map(({ name, hostname, box, addresses }) => [name, hostname, box, ...addresses]), [1, 2, 3].map((n) => [`h${n}`, `h${n}`, 'debian/bookworm64', `192.168.56.1${n}`]));
});

/** What vagrant would do on a machine, as a shell command that runs as root behind `where`. */
function provision(where: string, machine: PlannedMachine, step: string): string {
  const { inline, env } = machine.steps.find(({ name }) => name === step) ?? { inline: 'false', env: {} };
  return `${where} env ${Object.entries(env).map(([key, value]) => `'${key}=${value}'`).join(' ')} sh -c '${inline}'`;
}

/** The steps on the machine that has a way to the registries, and then on each of the hosts, which have none: there nothing may be missing. */
function linesOf([first, ...others]: readonly PlannedMachine[]): string {
  if (!first) throw new Error('no machine is planned');
  const hosts = [first, ...others];
  const everything = (pass: string, machine: PlannedMachine): string[] => machine.steps.map(({ name }) => `step '${pass} ${machine.name} ${name}' ${provision(`on ${machine.name}`, machine, name)}`);
  const build = (name: string, step: string): string => `step ${name} ${provision('sudo', first, step)}`;
  return [
    support('vagrant-visit.sh'),
    'step update sudo apt-get -qq --error-on=any update',
    'step box make_box',
    'step archive move_node',
    build('packages', 'packages'),
    build('no-node', 'node'),
    'step offer offer_node',
    build('offered-node', 'node'),
    "step offered-version dpkg-query -W -f '${Version}\\n' nodejs; step withdraw withdraw_node",
    'sudo mv node-v*.tar $TREE/vagrant/',
    build('node', 'node'),
    'step unpacked ls /usr/local/bin/node /usr/local/bin/npm',
    build('install', 'install'),
    ...hosts.map(({ name, addresses: [address] }) => `step 'boot ${name}' boot ${name} ${address}`),
    ...hosts.flatMap((host) => everything('first', host)),
    ...hosts.map(({ name }) => `mark ${name}; processes ${name} >before-${name}`),
    ...hosts.flatMap((host) => everything('second', host)),
    ...hosts.map(({ name }) => `step 'written ${name}' written ${name}; processes ${name} >after-${name}; step 'processes ${name}' diff before-${name} after-${name}`),
    ...hosts.map(({ name }) => `step 'user ${name}' on ${name} runuser -l vagrant -c 'netctl net ls && docker info --format {{.Name}}'`),
    ...hosts.map(({ name }) => `step 'units ${name}' on ${name} systemctl is-active etcd netctld docker`),
    'step members on h3 env ETCDCTL_API=3 etcdctl --endpoints=192.168.56.11:2379 member list',
    'step create on h1 netctl net create contiv-net -s 10.1.1.0/24 -g 10.1.1.254',
    'step everywhere on h3 netctl net inspect contiv-net',
  ].join('\n');
}

/** Cgroups as other labs have them between two containers: systemd in the hosts must neither see nor remove them. */
function emptyCgroups(): readonly string[] {
  const hierarchies = ['', ...readdirSync('/sys/fs/cgroup')].map((name) => `/sys/fs/cgroup/${name}`).filter((path) => existsSync(`${path}/cgroup.procs`));
  return hierarchies.map((path) => {
    mkdirSync(`${path}/netctl-lab/${labName}/empty`, { recursive: true });
    return `${path}/netctl-lab/${labName}/empty`;
  });
}

t.test('what is done on each machine', options, async (t) => {
  if (plan.length === 0) return void t.comment('skipped: there is no plan');
  const empty = emptyCgroups();
  const { step } = await visit(labName, linesOf(plan));
  for (const name of ['update', 'box', 'archive', 'packages', 'offer', 'offered-node', 'withdraw', 'node', 'unpacked', 'install']) succeeded(t, name, step(name));
  t.match(step('no-node'), { exitCode: 1, text: /^node: there is no Node\.js 20\.19 or newer here, and the package sources have none: download the archive/m });
  t.equal(step('offered-version').text, '20.99\n', 'a package that is new enough is taken');
  for (const { name, steps } of plan) {
    succeeded(t, `boot ${name}`, step(`boot ${name}`));
    for (const pass of ['first', 'second']) for (const each of steps) succeeded(t, `${pass} ${name} ${each.name}`, step(`${pass} ${name} ${each.name}`));
    t.strictSame(step(`written ${name}`), { exitCode: 0, text: '' }, 'the second time nothing is written');
    t.strictSame(step(`processes ${name}`), { exitCode: 0, text: '' }, 'and nothing restarted');
    t.match(step(`user ${name}`), { exitCode: 0, text: new RegExp(`^${name}$`, 'm') }, 'the user of the box may use netctl and Docker');
  }
  checkCluster(t, step);
  t.strictSame(empty.filter((group) => !existsSync(group)), [], 'cgroups of others are still there');
  t.strictSame(await readMachine(), before, 'this machine is as it was');
});

function checkCluster(t: Test, step: Visit['step']): void {
  t.match(step('first h1 netctl').text, /^netctl: h1 is ready when most members of etcd are: h1=192\.168\.56\.11 h2=192\.168\.56\.12$/m, 'the first does not wait for the second');
  t.equal(step('units h1').text, 'active\nactive\nactive\n');
  t.equal(step('units h3').text, 'inactive\nactive\nactive\n', 'the third is no member of etcd');
  t.equal(step('members').text.split('\n').filter((line) => line.includes(', started, ')).length, 2, step('members').text);
  succeeded(t, 'create', step('create'));
  succeeded(t, 'a network of h1 is on h3', step('everywhere'));
}
