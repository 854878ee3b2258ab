// The lab itself: that it makes hosts as they should be, leaves the machine alone, and leaves nothing behind.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { processesIn, readMachine } from '../support/machine.js';
import { lab, until } from './support/lab.js';

interface Ended {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A lab of this test's own, by name; removed when the test ends. */
class Lab {
  constructor(t: Test, readonly name: string) {
    // An error outside of any subtest ends the process without a teardown.
    const atExit = (): void => void spawnSync(lab, ['down'], { env: { ...process.env, LAB_NAME: name } });
    process.once('exit', atExit);
    t.teardown(async () => {
      await this.run('down');
      process.off('exit', atExit);
    });
  }

  async run(...args: string[]): Promise<Ended> {
    return this.runWith({}, ...args);
  }

  async runWith(options: { env?: Record<string, string>; input?: string; cwd?: string }, ...args: string[]): Promise<Ended> {
    const { env = {}, input = '', cwd = '/' } = options;
    const { exitCode, signal, stdout, stderr } = await execa(lab, args, { reject: false, cwd, input, timeout: 120_000, env: { ...env, LAB_NAME: this.name } });
    return { exitCode, signal, stdout, stderr };
  }

  /** A command that must succeed; its output. */
  async ok(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(...args);
    if (exitCode !== 0) throw new Error(`lab ${args.join(' ')} exited ${exitCode}: ${stderr}`);
    return stdout;
  }

  exec(host: string, ...command: string[]): Promise<string> {
    return this.ok('exec', host, '--', ...command);
  }

  docker(host: string, ...args: string[]): Promise<string> {
    return this.exec(host, 'docker', ...args);
  }
}

t.setTimeout(300_000);

const labName = (name: string): string => `lt${process.pid}-${name}`;

/** That nothing of a lab is left: process, cgroup, directory. Namespaces, links and mounts were held by its processes only. */
function checkGone(t: Test, { name }: Lab): void {
  t.strictSame(processesIn(`netctl-lab/${name}`), [], 'no process');
  const groups = ['', ...readdirSync('/sys/fs/cgroup')].map((hierarchy) => `/sys/fs/cgroup/${hierarchy}/netctl-lab/${name}`);
  t.strictSame(groups.filter((group) => existsSync(group)), [], 'no cgroup');
  for (const directory of [`/run/netctl-lab/${name}`, `/run/netctl-lab/${name}.lock`, `/var/lib/netctl-lab/${name}`]) {
    t.notOk(existsSync(directory), `no ${directory}`);
  }
}

const address = (lab: Lab, host: string, container: string): Promise<string> =>
  lab.docker(host, 'inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container);

t.test('two labs at once, with the same addresses in both; the machine stays as it was', async (t) => {
  const before = await readMachine();
  const one = new Lab(t, labName('one'));
  const two = new Lab(t, labName('two'));
  await Promise.all([one.ok('up', '--hosts', '2', '--without', 'netctld'), two.ok('up', '--without', 'netctld')]);
  for (const each of [one, two]) {
    await each.docker('h1', 'run', '-d', '--name', 'server', 'alpine', 'sleep', '600');
    await each.docker('h1', 'run', '-d', '--name', 'client', '-p', '8080:80', 'alpine', 'sleep', '600');
    const server = await address(each, 'h1', 'server');
    t.match(await each.docker('h1', 'exec', 'client', 'ping', '-c', '1', '-W', '5', server), /1 packets received/, 'containers reach each other');
  }
  t.equal(await address(one, 'h1', 'server'), await address(two, 'h1', 'server'), 'the labs use the same addresses');
  t.match(await one.exec('h1', 'busybox', 'ping', '-c', '1', '-W', '5', '192.168.50.2'), /1 packets received/, 'hosts reach each other');
  t.equal((await two.run('exec', 'h1', 'busybox', 'ping', '-c', '1', '-W', '1', '192.168.50.2')).exitCode, 1, 'labs do not');
  t.strictSame(await readMachine(), before, 'the machine while the labs are up');
  t.equal((await two.run('down')).exitCode, 0);
  checkGone(t, two);
  t.match(await one.docker('h1', 'exec', 'client', 'ping', '-c', '1', '-W', '5', await address(one, 'h1', 'server')), /1 packets received/, 'the other lab goes on');
  t.equal((await one.run('down')).exitCode, 0);
  checkGone(t, one);
  t.strictSame(await readMachine(), before, 'the machine afterwards');
});

t.test('a host', async (t) => {
  const host = new Lab(t, labName('host'));
  await host.ok('up', '--without', 'netctld');

  t.test('is a machine of its own, with no way out', async (t) => {
    const routes = JSON.parse(await host.exec('h1', 'ip', '-j', 'route')) as { dst: string }[];
    t.strictSame(routes.map(({ dst }) => dst).sort(), ['172.17.0.0/16', '192.168.50.0/24'], 'no default route');
    t.equal(await host.exec('h1', 'hostname'), 'h1');
    t.strictSame((await host.exec('h1', 'ls', '/sys/class/net')).split('\n'), ['docker0', 'eth0', 'lo'], '/sys is of its own namespace');
    t.notOk((await host.exec('h1', 'ls', '/run')).split('\n').some((entry) => /systemd|dbus/.test(entry)), '/run is its own');
    t.equal(await host.exec('h1', 'ls', '/var/lib'), 'docker\nnetctl', '/var/lib is its own');
    await host.exec('h1', 'touch', '/etc/docker/mine', '/etc/netctl/mine');
    t.notOk(existsSync('/etc/docker/mine') || existsSync('/etc/netctl/mine'), '/etc is its own');
    t.equal((await host.run('exec', 'h1', '--', 'curl', '-s', '-m', '2', 'http://192.0.2.1/')).exitCode, 7, 'nothing is reached outside');
  });

  t.test('exec passes on input, output, exit code, directory and signals', async (t) => {
    const echoed = await host.runWith({ input: 'a line\n', cwd: '/usr/share' }, 'exec', 'h1', '--', 'sh', '-c', 'cat; pwd; echo bad >&2; exit 42');
    t.match(echoed, { exitCode: 42, stdout: 'a line\n/usr/share', stderr: 'bad' });
    t.equal(await host.exec('h1', 'printf', '%s|', 'a b', '', '*'), 'a b||*|', 'arguments arrive as they are');
    t.equal(await host.ok('exec', 'h1', 'echo', '--', 'x'), '-- x', 'the first -- is optional');
    t.equal((await host.runWith({ cwd: '/run' }, 'exec', 'h1', '--', 'pwd')).stdout, '/', 'a directory that the host has of its own');
    t.match(await host.run('exec', 'h1', '--', 'no-such-command'), { exitCode: 127 });
    t.match(await host.run('exec', 'h1', '--', '/etc/passwd'), { exitCode: 126 });
    t.match(await host.run('exec', 'h1', '--', 'sh', '-c', 'kill -TERM $$'), { signal: 'SIGTERM' }, 'ended by a signal');
  });

  t.test('exec is its command: a signal sent to it arrives there', async (t) => {
    const child = spawn(lab, ['exec', 'h1', '--', 'sh', '-c', 'trap "echo caught; exit 9" USR1; echo ready; while :; do sleep 0.05; done'], {
      env: { ...process.env, LAB_NAME: host.name },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await until('the command runs', async () => said.includes('ready') || (await new Promise((resolve) => child.stdout.once('data', () => resolve(said)))));
    child.kill('SIGUSR1');
    t.equal(await new Promise((resolve) => child.on('exit', resolve)), 9);
    t.match(said, 'caught');
  });

  t.test('exec gives a terminal to docker exec -it', async (t) => {
    const { stdout } = await execa('script', ['-qec', `${lab} exec h1 -- sh -c 'test -t 0 && test -t 1 && docker run --rm -it alpine tty'`, '/dev/null'], {
      env: { LAB_NAME: host.name },
      input: '',
    });
    t.match(stdout, '/dev/pts/0');
  });

  t.test('docker in it is its own, whatever Docker the user is set up for', async (t) => {
    const env = { DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_CONTEXT: 'elsewhere', DOCKER_CONFIG: '/nonexistent' };
    t.match(await host.runWith({ env }, 'exec', 'h1', '--', 'docker', 'info', '-f', '{{.Name}}'), { exitCode: 0, stdout: 'h1' });
    t.match(await host.runWith({ env }, 'exec', 'h1', '--', 'sh', '-lc', 'type netctl'), { exitCode: 0, stdout: /lab\/bin\/netctl/ }, 'netctl is in PATH, also in a login shell');
  });

  t.test('the image has what the walk-through and the tests need', async (t) => {
    await host.docker('h1', 'run', '-d', '--name', 'server', 'alpine', 'sleep', '600');
    await host.docker('h1', 'run', '-d', '--name', 'client', 'alpine', 'sleep', '600');
    const ip = await address(host, 'h1', 'server');
    const inClient = (script: string): Promise<Ended> => host.run('exec', 'h1', '--', 'docker', 'exec', 'client', 'sh', '-c', script);
    const answers = (port: number): Promise<void> => until(`${port} answers`, async () => (await inClient(`nc -z -w 1 ${ip} ${port}`)).exitCode === 0 || 'no');
    await host.docker('h1', 'exec', '-d', 'server', 'sh', '-c', 'nc -l -p 80; nc -l 80');
    let found = '';
    await until('nc -l -p 80 listens', async () => {
      found = (await inClient(`nc -znvw 1 ${ip} 80`)).stderr;
      return found.includes('succeeded') || found;
    });
    t.match(found, / 80 port .* succeeded!$/, 'what nc -z says');
    await answers(80); // the second listener has no -p
    t.match(await inClient(`nc -znvw 1 ${ip} 81`), { exitCode: 1, stderr: /refused/ }, 'nothing listens');
    await host.docker('h1', 'exec', '-d', 'server', 'socat', 'TCP-LISTEN:90,fork,reuseaddr', 'SYSTEM:echo $HOSTNAME $SOCAT_PEERADDR');
    await answers(90);
    t.equal((await inClient(`nc -w 1 ${ip} 90`)).stdout.split(' ')[1], await address(host, 'h1', 'client'), 'socat tells who called');
    await host.docker('h1', 'exec', 'server', 'sh', '-c', 'mkdir /www && echo page >/www/index.html && httpd -p 100 -h /www');
    t.equal((await inClient(`curl -s http://${ip}:100/ && wget -qO - http://${ip}:100/`)).stdout, 'page\npage');
    await host.docker('h1', 'rm', '-f', 'server', 'client');
  });

  t.test('its dockerd is stopped, killed and started', async (t) => {
    const answers = async (): Promise<boolean> => (await host.run('exec', 'h1', '--', 'docker', 'version')).exitCode === 0;
    await host.ok('stop', 'h1', 'dockerd');
    t.notOk(await answers(), 'stopped');
    t.match(await host.run('status'), { exitCode: 1, stdout: /h1 +192\.168\.50\.1 +not running +left out/ });
    t.equal((await host.run('stop', 'h1', 'dockerd')).exitCode, 0, 'stopping again is fine');
    await host.ok('start', 'h1', 'dockerd');
    t.ok(await answers(), 'started');
    const id = await host.docker('h1', 'create', 'alpine', 'true');
    for (let round = 0; round < 2; round += 1) {
      await host.ok('kill', 'h1', 'dockerd');
      t.notOk(await answers(), 'killed');
      await host.ok('start', 'h1', 'dockerd');
      t.ok(await answers(), 'started again after SIGKILL');
    }
    t.match(await host.docker('h1', 'ps', '-aq', '--no-trunc'), id, 'what it stored is kept');
    await host.ok('restart', 'h1', 'dockerd');
    t.equal((await host.run('status')).exitCode, 0);
    t.match(await host.ok('logs', 'h1', 'dockerd'), /API listen/);
  });

  t.test('options given at a start stay for later ones', async (t) => {
    const live = (): Promise<string> => host.docker('h1', 'info', '-f', '{{.LiveRestoreEnabled}}');
    t.equal(await live(), 'false');
    await host.ok('stop', 'h1', 'dockerd');
    t.equal((await host.runWith({ env: { LAB_DOCKERD_OPTS: '--live-restore --debug' } }, 'start', 'h1', 'dockerd')).exitCode, 0);
    t.equal(await live(), 'true');
    await host.ok('restart', 'h1', 'dockerd');
    t.equal(await live(), 'true');
  });

  t.test('up again says that it is up', async (t) => {
    t.match(await host.run('up', '--without', 'netctld'), { exitCode: 0, stderr: /is up already/ });
    t.match(await host.run('up', '--hosts', '2', '--without', 'netctld'), { exitCode: 1, stderr: /other hosts or daemons.*lab\/lab down/ });
  });

  t.test('down also ends what is paused, and what exec left running', async (t) => {
    await host.docker('h1', 'run', '-d', '--name', 'frozen', 'alpine', 'sleep', '600');
    await host.docker('h1', 'pause', 'frozen');
    await host.exec('h1', 'sh', '-c', 'setsid sleep 600 >/dev/null 2>&1 &');
    t.equal((await host.run('down')).exitCode, 0);
    checkGone(t, host);
    t.equal((await host.run('down')).exitCode, 0, 'down again is fine');
  });
});

t.test('hosts that share an etcd', async (t) => {
  const shared = new Lab(t, labName('etcd'));
  await shared.ok('up', '--hosts', '3', '--store', 'etcd', '--etcd', '2', '--mtu', '1400', '--without', 'netctld', '--without', 'dockerd');
  const etcdctl = (host: string, ...args: string[]): Promise<Ended> =>
    shared.run('exec', host, '--', 'env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', 'http://127.0.0.1:2379', '--command-timeout', '2s', ...args);
  const pings = async (from: string, to: number): Promise<boolean> => (await shared.run('exec', from, '--', 'busybox', 'ping', '-c', '1', '-W', '1', `192.168.50.${to}`)).exitCode === 0;

  t.test('it has as many members as were asked for', async (t) => {
    t.match(await etcdctl('h1', 'put', 'key', 'one'), { exitCode: 0 });
    t.match(await etcdctl('h2', 'get', 'key'), { stdout: 'key\none' }, 'a member knows what the other was told');
    t.match(await shared.run('status'), { exitCode: 0, stdout: /^HOST +ADDRESS +DOCKERD +NETCTLD +ETCD\nh1 .* answers\nh2 .* answers\nh3 .* -$/ });
    t.match(await shared.run('start', 'h3', 'etcd'), { exitCode: 1, stderr: /h3 is no member of etcd/ });
    t.match(await shared.run('up', '--hosts', '3', '--etcd', '1', '--without', 'netctld', '--without', 'dockerd'), { exitCode: 1, stderr: /--etcd 2 --mtu 1400.*lab\/lab down/ });
  });

  t.test('the links between hosts have the MTU', async (t) => {
    t.equal(await shared.exec('h1', 'cat', '/sys/class/net/eth0/mtu'), '1400');
    t.match(await shared.exec('h1', 'busybox', 'ping', '-c', '1', '-s', '9000', '192.168.50.3'), /1 packets received/, 'in pieces larger packets pass');
  });

  t.test('two are cut off from each other, and healed', async (t) => {
    await shared.ok('partition', 'h1', 'h3');
    await shared.ok('partition', 'h3', 'h1');
    t.strictSame([await pings('h1', 3), await pings('h3', 1), await pings('h1', 2), await pings('h3', 2)], [false, false, true, true]);
    t.match(await shared.ok('status'), /^h1 and h3 are cut off from each other$/m);
    await shared.ok('heal', 'h3', 'h1');
    await shared.ok('heal', 'h1', 'h2');
    t.strictSame([await pings('h1', 3), await pings('h3', 1)], [true, true]);
    t.notMatch(await shared.ok('status'), /cut off/);
  });

  t.test('one is cut off from all others, and the etcd has no majority', async (t) => {
    await shared.ok('partition', 'h2');
    t.strictSame([await pings('h1', 2), await pings('h2', 3), await pings('h1', 3)], [false, false, true]);
    t.not((await etcdctl('h1', 'put', 'key', 'two')).exitCode, 0);
    t.match(await shared.run('status'), { exitCode: 1, stdout: /no answer\nh2.*\nh3.*\nh1 and h2 are cut off from each other\nh2 and h3/ });
    await shared.ok('heal');
    await until('all is well', async () => (await shared.run('status')).exitCode === 0 || 'not yet');
  });

  t.test('a member hangs, and goes on', async (t) => {
    await shared.ok('pause', 'h2', 'etcd');
    t.match(await shared.run('status'), { exitCode: 1, stdout: /h2 .* paused$/m });
    await shared.ok('continue', 'h2', 'etcd');
    await until('all is well', async () => (await shared.run('status')).exitCode === 0 || 'not yet');
  });

  t.test('a host crashes, and comes back with its disk', async (t) => {
    await shared.ok('crash', 'h2');
    t.equal((await shared.run('crash', 'h2')).exitCode, 0, 'once more is fine');
    t.strictSame(processesIn(`netctl-lab/${shared.name}/h2`), [], 'nothing of it runs');
    t.match(await shared.run('status'), { exitCode: 1, stdout: /^h2 +192\.168\.50\.2 +off +off +off$/m });
    t.match(await shared.run('exec', 'h2', '--', 'true'), { exitCode: 125 });
    await shared.ok('reboot', 'h2');
    t.match(await etcdctl('h2', 'get', 'key'), { stdout: 'key\none' });
    t.equal((await shared.run('status')).exitCode, 0);
  });
});

t.test('after up was killed at any moment, down leaves nothing and a new up works', async (t) => {
  const crashed = new Lab(t, labName('crash'));
  const before = await readMachine();
  // What up has made is the clock: it is killed as soon as this is there.
  const state = `/var/lib/netctl-lab/${crashed.name}`;
  const run = `/run/netctl-lab/${crashed.name}`;
  for (const sign of [run, `${run}/wire/pid`, `${run}/h1/pid`, `${run}/h1/dockerd.pid`, `${state}/h1/var-lib/docker/containerd`, `${run}/h2/dockerd.pid`]) {
    const up = spawn(lab, ['up', '--hosts', '2', '--without', 'netctld'], { env: { ...process.env, LAB_NAME: crashed.name }, stdio: 'ignore' });
    const ended = new Promise((resolve) => up.on('exit', resolve));
    await until(`${sign} is there`, async () => existsSync(sign) || new Promise((resolve) => setImmediate(resolve, 'not yet')));
    up.kill('SIGKILL');
    await ended;
    t.match(await crashed.run('up', '--hosts', '2', '--without', 'netctld'), { exitCode: 1, stderr: /half made.*lab\/lab down/ }, sign);
    t.equal((await crashed.run('down')).exitCode, 0, `down after a crash at ${sign}`);
    checkGone(t, crashed);
  }
  t.strictSame(await readMachine(), before);
  await crashed.ok('up', '--hosts', '2', '--without', 'netctld');
  t.equal((await crashed.run('status')).exitCode, 0);
});

t.test('down ends an up that is still at work', async (t) => {
  const busy = new Lab(t, labName('busy'));
  const up = busy.run('up', '--hosts', '2', '--without', 'netctld');
  await until('the first host is there', async () => existsSync(`/run/netctl-lab/${busy.name}/h1/pid`) || new Promise((resolve) => setImmediate(resolve, 'not yet')));
  t.equal((await busy.run('down')).exitCode, 0);
  t.match(await up, { signal: 'SIGKILL' });
  checkGone(t, busy);
});

t.test('wrong usage is refused with a sentence and a code', async (t) => {
  const none = new Lab(t, labName('none'));
  for (const [args, exitCode, stderr] of [
    [[], 2, /lab\/lab up/],
    [['fly'], 2, /unknown command 'fly'/],
    [['up', '--hosts', '0'], 2, /--hosts takes a number from 1 to 50/],
    [['up', '--hosts'], 2, /--hosts takes a number/],
    [['up', '--without', 'coffee'], 2, /--without takes netctld or dockerd/],
    [['up', '--fast'], 2, /does not know '--fast'/],
    [['down', 'h1'], 2, /down takes no arguments/],
    [['up', '--store', 'paper'], 2, /--store takes embedded or etcd, not 'paper'/],
    [['up', '--store', 'embedded', '--etcd', '1'], 2, /--etcd 1 needs --store etcd/],
    [['up', '--hosts', '2', '--etcd', '3'], 2, /how many of the 2 host\(s\) are its members, not '3'/],
    [['up', '--mtu', '576'], 2, /--mtu takes a number from 1280/],
    [['stop', 'h1'], 2, /needs a host and netctld, dockerd or etcd/],
    [['stop', 'h1', 'sshd'], 2, /needs a host and netctld, dockerd or etcd/],
    [['stop', 'h1', 'dockerd', 'now'], 2, /one host and one daemon/],
    [['stop', 'h1', 'dockerd'], 3, /there is no host h1.*lab\/lab up/],
    [['status'], 3, /is not up.*lab\/lab up/],
    [['partition'], 2, /partition needs a host, or two/],
    [['partition', 'h1', 'h2'], 3, /is not up.*lab\/lab up/],
    [['heal'], 3, /is not up.*lab\/lab up/],
    [['crash'], 2, /crash takes one host/],
    [['reboot', 'wire'], 2, /reboot takes one host/],
    [['reboot', 'h1'], 3, /there is no host h1.*lab\/lab up/],
    [['exec'], 125, /exec needs a host and a command/],
    [['exec', 'h1'], 125, /exec needs a command/],
    [['exec', '../h1', 'true'], 125, /is not a host/],
    [['exec', 'h1', 'true'], 125, /there is no host h1.*lab\/lab up/],
    [['logs', 'h1', 'dockerd'], 1, /no log of dockerd on h1/],
  ] as const) {
    t.match(await none.run(...args), { exitCode, stderr }, `lab ${args.join(' ')}`);
  }
  t.match(await none.run('--help'), { exitCode: 0, stdout: /Examples/ });
  for (const name of ['../up', 'Capital', '', 'a'.repeat(32)].filter((name) => name !== '')) {
    t.match(await execa(lab, ['status'], { reject: false, env: { LAB_NAME: name } }), { exitCode: 2, stderr: /LAB_NAME/ }, name);
  }
  const nobody = await execa('setpriv', ['--reuid=65534', '--clear-groups', lab, 'up'], { reject: false, env: { LAB_NAME: none.name } });
  t.match(nobody, { exitCode: 1, stderr: /needs root/ });
  checkGone(t, none);
});

t.test('a daemon that does not start is told with the end of its log', async (t) => {
  const broken = new Lab(t, labName('broken'));
  const up = await broken.runWith({ env: { LAB_DOCKERD_OPTS: '--no-such-option' } }, 'up', '--without', 'netctld');
  t.match(up, { exitCode: 1, stderr: /dockerd on h1 ended at once.*\n[^]*unknown flag: --no-such-option/ });
});
