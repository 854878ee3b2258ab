import '../support/throw-away-host.js';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { execa } from 'execa';
import t from 'tap';
import { inNamespace, namespaceDirectory, routerName, routerPath } from '../../daemon/kernel/netns.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';

const sockets = new RtnetlinkSockets();
const routers = new KernelRouters(sockets);
t.teardown(() => sockets.close());

const ownNamespace = (): string => readlinkSync('/proc/thread-self/ns/net');
const sysctl = (path: string): string => readFileSync(`/proc/sys/net/${path}`, 'utf8').trim();

t.test('inNamespace works there and comes back', async (t) => {
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  const own = ownNamespace();
  t.not(inNamespace(routerPath('blue'), ownNamespace), own);
  t.equal(ownNamespace(), own);
  t.equal(inNamespace(undefined, ownNamespace), own, 'without a path it stays');

  const refusal = new Error('refused');
  const failing = (): never => {
    throw refusal;
  };
  t.throws(() => inNamespace(routerPath('blue'), failing), refusal);
  t.equal(ownNamespace(), own, 'after an exception');

  t.throws(() => inNamespace(routerPath('blue'), () => Promise.resolve()), TypeError, 'nothing asynchronous');
  t.equal(ownNamespace(), own, 'after a promise');

  t.throws(() => inNamespace(routerPath('nobody'), failing), { code: 'unavailable' });
  t.throws(() => inNamespace('/proc/self/ns/uts', failing), { code: 'unavailable', message: /EINVAL/ }, 'a namespace of another kind');
  t.equal(ownNamespace(), own, 'after a namespace that cannot be entered');
});

t.test('inNamespace may be nested', async (t) => {
  for (const tenant of ['blue', 'red']) await routers.ensure(tenant);
  t.teardown(() => Promise.all(['blue', 'red'].map((tenant) => routers.remove(tenant))));
  const [blue, red, after] = inNamespace(routerPath('blue'), () => [ownNamespace(), inNamespace(routerPath('red'), ownNamespace), ownNamespace()]);
  t.not(blue, red);
  t.equal(after, blue);
});

t.test('a router forwards, leaves it to its bridges whether frames pass its rules, and has its loopback up', async (t) => {
  const own = sysctl('ipv4/ip_forward');
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  t.equal(routers.isNetfilterWithBridges('blue'), false, 'as the kernel makes a namespace');
  t.equal(routers.leaveNetfilterToBridges('blue'), 3);
  t.equal(routers.isNetfilterWithBridges('blue'), true);
  t.equal(routers.isIntact('blue'), true);
  const ones = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding', 'ipv6/conf/default/forwarding', 'ipv4/conf/default/promote_secondaries'];
  const zeros = ['arp_ignore', 'send_redirects', 'rp_filter'].flatMap((name) => [`ipv4/conf/all/${name}`, `ipv4/conf/default/${name}`]);
  const bridged = ['iptables', 'ip6tables', 'arptables'].map((name) => `bridge/bridge-nf-call-${name}`);
  inNamespace(routerPath('blue'), () => {
    for (const path of ones) t.equal(sysctl(path), '1', path);
    for (const path of [...zeros, ...bridged]) t.equal(sysctl(path), '0', path);
    const limited = ['ipv4/icmp_ratemask', 'ipv6/icmp/ratemask'].map(sysctl);
    t.same(limited, ['6160', '0,3-127'], 'destination unreachable is sent without a limit');
  });
  t.match((await execa('ip', ['-n', routerName('blue'), 'link', 'show', 'lo'])).stdout, /<LOOPBACK,UP,LOWER_UP>/);
  t.equal(sysctl('ipv4/ip_forward'), own, "the host's own setting is as it was");
});

t.test('ensure puts right what was changed in a router', async (t) => {
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  inNamespace(routerPath('blue'), () => {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
  });
  await execa('ip', ['-n', routerName('blue'), 'link', 'set', 'lo', 'down']);
  await routers.ensure('blue');
  t.same(inNamespace(routerPath('blue'), () => ['ipv4/ip_forward', 'ipv4/conf/all/send_redirects'].map(sysctl)), ['1', '0']);
  t.match((await execa('ip', ['-n', routerName('blue'), 'link', 'show', 'lo'])).stdout, /<LOOPBACK,UP,LOWER_UP>/);
});

t.test('a file without a namespace, left by a crash, is no router and is in nobody’s way', async (t) => {
  mkdirSync(namespaceDirectory, { recursive: true });
  for (const tenant of ['blue', 'red']) writeFileSync(routerPath(tenant), '', { mode: 0 });
  t.same(await routers.list(), []);
  await routers.ensure('blue');
  t.same(await routers.list(), ['blue']);
  await routers.remove('red');
  t.notOk(existsSync(routerPath('red')));
  await routers.remove('blue');
});

t.test('other namespaces are not routers, and their directory need not exist', async (t) => {
  await execa('ip', ['netns', 'add', 'netctl']);
  await execa('ip', ['netns', 'add', 'blue']);
  t.same(await routers.list(), []);
  await execa('ip', ['-all', 'netns', 'delete']);
  await execa('umount', [namespaceDirectory], { reject: false });
  rmSync(namespaceDirectory, { recursive: true });
  t.same(await routers.list(), []);
});

t.test('a router is removed although a process is in it', async (t) => {
  await routers.ensure('blue');
  const process = execa('ip', ['netns', 'exec', routerName('blue'), 'sleep', '60'], { reject: false });
  t.teardown(() => process.kill());
  await routers.remove('blue');
  t.same(await routers.list(), []);
  await routers.ensure('blue');
  t.same(await routers.list(), ['blue']);
  await routers.remove('blue');
});
