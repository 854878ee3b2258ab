import t from 'tap';
import type { HostOper } from '../../src/wire/objects.js';
import { labHosts, until, type Ended, type Host } from './support/lab.js';
import { runClient } from './support/servers.js';
import { whyNoRawSockets } from '../support/raw-sockets.js';

// What `netctl host` says of three hosts: of the ways between them as the kernel has them, of one that lost its power, and of one that
// gets no VXLAN packets. What the lost one held is freed, and it comes back.

const skip = whyNoRawSockets();
if (skip !== false) {
  t.plan(0, skip);
  process.exit();
}

const lab = await labHosts(t, 'ls');
t.teardown(async () => {
  if (!t.passing()) t.comment(await lab.logs());
});
const [h1, h2, h3] = lab.hosts as [Host, Host, Host];

async function hosts(host: Host): Promise<HostOper[]> {
  return JSON.parse(await host.netctl('host', 'ls', '-j')) as HostOper[];
}

async function see(host: Host, name: string): Promise<Partial<HostOper>> {
  return (await hosts(host)).find(({ hostName }) => hostName === name) ?? {};
}

const addressOf = (host: Host, container: string): Promise<string> => host.docker('inspect', '--format', '{{.NetworkSettings.Networks.blue.IPAddress}}', container);

t.test('each host lists all, and the way to the others', async (t) => {
  for (const host of lab.hosts) {
    await until(`${host.name} has measured the ways`, async () => {
      const found = await hosts(host);
      return found.filter(({ pathMTU }) => pathMTU === 1450).length === 2 || JSON.stringify(found);
    });
    const found = await hosts(host);
    t.strictSame(found.map(({ hostName, state, underlayAddress, underlayMTU }) => [hostName, state, underlayAddress, underlayMTU]), [1, 2, 3].map((number) => [`h${number}`, 'ready', `192.168.50.${number}`, 1500]));
    t.strictSame(found.map(({ asked, roundTripMs }) => [asked, roundTripMs === undefined]), lab.hosts.map(({ name }) => [name === host.name, name === host.name]));
    t.match(await host.netctl('host', 'ls'), new RegExp(`^${host.name} +ready .* - +-$`, 'm'), 'nobody measures the way to himself');
  }
  t.match(await h2.netctl('version'), /^Store: etcd:\/\/192\.168\.50\.1:2379\nHosts: 3 of 3 there$/m);
});

const block = 'table inet block { chain in { type filter hook input priority -10; udp dport 4789 drop; }; }';

t.test('a host without power, and one that gets no VXLAN packets', async (t) => {
  await h1.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await h3.docker('run', '-itd', '--name', 'lost', '--net', 'blue', '-p', '8080:80', 'alpine', 'sh');
  t.equal(await addressOf(h3, 'lost'), '10.1.1.1');
  t.match(await h1.netctl('host', 'inspect', 'h3'), /"containerName": "lost"/);
  await Promise.all([h3.crash(), h2.ok('nft', block)]);
  await until('h3 is away', async () => (await see(h1, 'h3')).state === 'away' || JSON.stringify(await see(h1, 'h3')));
  await until('VXLAN does not get to h2', async () => (await see(h1, 'h2')).state === 'not ready' || JSON.stringify(await see(h1, 'h2')), 60_000);
  t.equal((await see(h1, 'h2')).reason, 'it answers at 192.168.50.2, but not through VXLAN');
  t.match(await h1.netctl('version'), /^Hosts: 2 of 3 there$/m);
  const doctor = await h1.run('netctl', 'doctor');
  t.equal(doctor.exitCode, 5);
  t.match(doctor.stdout, /^FAILED {3}host h2: it answers at 192\.168\.50\.2, but nothing comes back through VXLAN\n +let UDP port 4789 through/m);
  t.match(doctor.stdout, /^warning {2}host h3: nothing is heard of it since \S+\n/m);
  await h2.ok('nft', 'delete', 'table', 'inet', 'block');
});

t.test('what the lost host held is freed', async (t) => {
  const refused = async (...names: string[]): Promise<Ended> => h1.run('netctl', 'host', 'rm', ...names);
  t.match(await refused('h3'), { exitCode: 1, stderr: /there is nobody to ask: give --yes/ });
  t.match(await refused('-y', 'h2'), { exitCode: 3, stderr: /host h2 is there, and its containers run/ });
  t.match(await refused('-y', 'h1'), { exitCode: 3, stderr: /host h1 is the one that was asked/ });
  t.equal(await h1.netctl('host', 'rm', '-y', 'h3'), 'Removing host h3: 1 endpoint, 1 address, 1 published port freed');
  for (const host of [h1, h2]) t.strictSame((await hosts(host)).map(({ hostName }) => hostName), ['h1', 'h2']);
  t.match(await h1.netctl('events', '-k', 'host', 'h3'), /HostAway.*\n.*HostRemoved/);
  await runClient(h1, 'heir', 'blue', '--ip', '10.1.1.1');
  t.equal(await addressOf(h1, 'heir'), '10.1.1.1', 'somebody else can have its address');
});

t.test('it comes back, and is one of them again', async (t) => {
  await h3.reboot();
  for (const host of lab.hosts) {
    await until(`${host.name} has all again`, async () => {
      const found = await hosts(host);
      return (found.length === 3 && found.every(({ state, asked, pathMTU }) => state === 'ready' && (asked || pathMTU === 1450))) || JSON.stringify(found);
    }, 60_000);
  }
  await h3.docker('start', 'lost');
  t.equal(await addressOf(h3, 'lost'), '10.1.1.2', 'its container has another address');
  await until('they reach each other', async () => (await h1.inside('heir', 'ping -c 1 -W 1 10.1.1.2')).exitCode === 0 || 'no answer');
  t.equal((await h1.run('netctl', 'doctor')).exitCode, 0);
});
