import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import t from 'tap';
import { lab, labHost, until, untilProviders } from './support/lab.js';

// What users see of what happens: events, in the order in which it happened, and what `netctl doctor` says.

const host = await labHost(t, 'seeing');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

interface Seen {
  readonly Oper: { readonly events: { readonly reason: string; readonly message: string; readonly type: string }[] };
}

t.test('events are followed, and shown where an object is inspected', async (t) => {
  const follower = execa(lab, ['exec', 'h1', '--', 'netctl', 'events', '--follow'], { env: { LAB_NAME: host.labName }, reject: false, stdin: 'ignore' });
  const lines: string[] = [];
  createInterface({ input: follower.stdout }).on('line', (line) => lines.push(line));
  const told = (text: RegExp): Promise<void> =>
    until(`it is told: ${String(text)}`, async () => {
      await setTimeout(10);
      return lines.some((line) => text.test(line)) || lines.slice(-5).join('\n');
    });

  await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await host.netctl('service', 'create', 'web', '--network', 'blue', '--selector=tier=web', '--port', '80:80:tcp', '-ip', '10.1.1.9');
  await host.docker('run', '-d', '--name', 'web1', '--net', 'blue', '--label', 'tier=web', 'alpine', 'sleep', '100000');
  await told(/ Normal {2}Created service default:web: service web is created with 10\.1\.1\.9$/);
  await told(/ Normal {2}ProviderAdded service default:web: container web1 \(10\.1\.1\.1\) gets new connections$/);
  await host.docker('pause', 'web1');
  await told(/ ProviderRemoved service default:web: container web1 \(10\.1\.1\.1\) gets no new connections: is paused$/);
  await told(/ Warning NoProviders service default:web: no provider is left: connections are refused$/);
  await host.docker('unpause', 'web1');
  await host.docker('kill', 'web1');
  await told(/ Detached endpoint default:[0-9a-f]{12}: /);
  const { Oper } = JSON.parse(await host.netctl('service', 'inspect', 'web')) as Seen;
  t.strictSame(Oper.events.slice(0, 4).map(({ reason }) => reason), ['Created', 'ProviderAdded', 'ProviderRemoved', 'NoProviders'], 'inspect shows them, too');
  t.equal((await host.netctl('events', '-k', 'service', 'web', '-j')).split('\n').length, Oper.events.length, 'and a list of those of one object');

  await host.daemon('stop', 'netctld');
  const { exitCode, stderr } = await follower;
  t.equal(exitCode, 0, `who follows is let go: ${stderr}`);
  await host.daemon('start', 'netctld');
});

t.test('the doctor finds nothing wrong', async (t) => {
  const { exitCode, stdout } = await host.run('netctl', 'doctor');
  t.equal(exitCode, 0);
  t.match(stdout, /^ok {7}kernel: Linux .*\n(ok .*\n)+All \d+ checks passed\.$/);
  for (const check of ['nft', 'conntrack', 'iptables', 'bridge netfilter', 'forwarding', 'docker', 'plugin', 'state', 'docker networks', 'router of default']) t.match(stdout, `\nok       ${check}: `);
});

t.test('Docker is away', async (t) => {
  await host.daemon('stop', 'dockerd');
  const { exitCode, stdout, stderr } = await host.run('netctl', 'doctor');
  t.equal(exitCode, 5);
  t.match(stdout, /^FAILED {3}docker: Docker does not answer\n {9}start Docker/m);
  t.match(stderr, /1 of \d+ checks failed/);
  await host.daemon('start', 'dockerd');
  await until('all is well again', async () => (await host.run('netctl', 'doctor')).exitCode === 0 || 'not yet');
});

t.test('somebody else changes a router, and it is repaired at once', async (t) => {
  await host.docker('start', 'web1');
  await untilProviders(host, 'web', ['web1']);
  await host.router('default', 'nft', 'flush', 'ruleset');
  const { exitCode, stdout } = await host.run('netctl', 'doctor', '--repair');
  t.equal(exitCode, 0, stdout);
  t.match(await host.router('default', 'nft', 'list', 'map', 'ip', 'netctl', 'slots'), /10\.1\.1\.9 \. tcp \. 80 /, 'the rules are back');
  const { Oper } = JSON.parse(await host.netctl('tenant', 'inspect', 'default')) as Seen;
  t.match(Oper.events.filter(({ type }) => type === 'warning').map(({ reason }) => reason), ['RouterRepaired']);
});

t.test('a router that cannot be repaired', async (t) => {
  // A namespace's file that is a directory cannot be made anew.
  await host.ok('sh', '-c', 'ip netns delete netctl-default && mkdir /run/netns/netctl-default');
  await until('it is told', async () => (await host.run('netctl', 'doctor')).exitCode === 5 || 'all is well');
  const { stdout } = await host.run('netctl', 'doctor', '--repair');
  t.match(stdout, /^FAILED {3}router of default: /m);
  await host.ok('rmdir', '/run/netns/netctl-default');
  t.match(await host.netctl('doctor', '--repair'), /All \d+ checks passed/);
});
