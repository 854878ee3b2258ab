import '../support/throw-away-host.js';
import t from 'tap';
import type { Test } from 'tap';
import { routerName } from '../../daemon/kernel/netns.js';
import { planNat } from '../../src/nat/plan.js';
import { inContainer, reaches } from '../support/containers.js';
import { ServiceBed, tenant } from '../support/service-bed.js';
import { service } from '../unit/nat/arbitraries.js';
import { hosts, input, web } from '../unit/nat/scenario.js';

// What a container can do to others by packets that an honest one does not send.

const bed = new ServiceBed();
t.before(() => bed.start());
t.teardown(() => bed.stop());
t.beforeEach(() => bed.nftables.replace(tenant, planNat(input)));

const [victim4, victim6] = hosts.b9.addresses;

/** How many IPv4 packets, and answers to echo requests over IPv6, the container has received. */
async function received(): Promise<{ ipv4: number; ipv6: number }> {
  const [names = '', values = ''] = (await inContainer('b9', 'cat', '/proc/net/snmp')).split('\n').filter((line) => line.startsWith('Ip: '));
  const ipv4 = Number(values.split(' ')[names.split(' ').indexOf('InReceives')]);
  const ipv6 = /^Icmp6InEchoReplies\s+(\d+)$/m.exec(await inContainer('b9', 'cat', '/proc/net/snmp6'))?.[1];
  return { ipv4, ipv6: Number(ipv6) };
}

/** As the root of a container can: the address is its own from now on. */
async function pretend(t: Test, address: string): Promise<void> {
  await inContainer('a9', 'ip', 'address', 'add', address, 'dev', 'lo');
  t.teardown(() => inContainer('a9', 'ip', 'address', 'delete', address, 'dev', 'lo'));
}

const ping = (from: 'a9' | 'b9', source: string, to: string): Promise<string> =>
  inContainer(from, 'sh', '-c', `busybox ping -c 1 -W 1 -I ${source} ${to} || true`);
const send = (from: 'a9' | 'b9', source: string, port: number): Promise<string> =>
  inContainer(from, 'sh', '-c', `echo '?' | nc -u -n -s ${source} -w 1 ${web} ${port} || true`);

t.test('nothing reaches another network because of a source that is forged', async (t) => {
  for (const address of [`${victim4}/32`, `${victim6}/128`]) await pretend(t, address);
  const before = await received();
  await send('a9', victim4, 53);
  await send('a9', victim4, 54);
  await ping('a9', victim4, web);
  await ping('a9', victim4, '10.1.0.254');
  await ping('a9', victim4, '10.2.0.254');
  await ping('a9', victim6, '2001:db8:1::fe');
  t.same(await received(), before);
});

t.test('what is sent by its owner is answered', async (t) => {
  const before = await received();
  await send('b9', victim4, 53);
  await send('b9', victim4, 54);
  await ping('b9', victim4, web);
  await ping('b9', victim4, '10.1.0.254');
  await ping('b9', victim6, '2001:db8:1::fe');
  const after = await received();
  t.ok(after.ipv4 >= before.ipv4 + 4, `${after.ipv4 - before.ipv4} IPv4 packets`);
  t.equal(after.ipv6, before.ipv6 + 1);
});

t.test('what looks alike and is honest: a provider in two networks answers by the shorter way', async (t) => {
  const router = routerName(tenant);
  const [provided, asked] = ['10.2.0.50', '10.1.0.110'];
  await inContainer(router, 'ip', 'link', 'add', 'second', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', 'a1');
  t.teardown(() => inContainer(router, 'ip', 'link', 'delete', 'second'));
  await inContainer(router, 'ip', 'link', 'set', 'second', 'master', 'br2', 'up');
  await inContainer('a1', 'ip', 'link', 'set', 'eth1', 'up');
  await inContainer('a1', 'ip', 'address', 'add', `${provided}/24`, 'dev', 'eth1');
  await inContainer(router, 'ip', 'route', 'add', 'local', asked, 'dev', 'lo');
  t.teardown(() => inContainer(router, 'ip', 'route', 'delete', 'local', asked));
  await bed.nftables.replace(tenant, planNat({ ...input, services: [...input.services, service(asked, ['80:8080/tcp'], [provided])] }));
  t.equal((await bed.ask(['a9', 'tcp', asked, 80, ''])).word, 'a1 10.1.0.9');
});

t.test('the router does not route within a network', async (t) => {
  t.ok(await reaches('a9', '10.1.0.2'));
  await inContainer('a9', 'ip', 'route', 'add', '10.1.0.2/32', 'via', '10.1.0.254');
  t.teardown(() => inContainer('a9', 'ip', 'route', 'delete', '10.1.0.2/32'));
  t.notOk(await reaches('a9', '10.1.0.2'));
});

t.test("the gateway's MAC address cannot be taken from it", async (t) => {
  const setMac = async (mac: string): Promise<void> => {
    for (const change of [['down'], ['address', mac], ['up']]) await inContainer('a9', 'ip', 'link', 'set', 'eth0', ...change);
  };
  await setMac('02:01:00:00:00:01');
  t.teardown(() => setMac('02:02:0a:01:00:09'));
  t.notOk(await reaches('a9', '10.1.0.1'), 'it gets no answers itself');
  t.ok(await reaches('a2', '10.1.0.254'));
  t.match((await bed.ask(['a2', 'tcp', web, 80, ''])).word, /^a[12] /);
});
