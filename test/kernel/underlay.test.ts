import '../support/throw-away-host.js';
import { execa } from 'execa';
import t from 'tap';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { KernelUnderlay } from '../../daemon/kernel/underlay.js';
import { IpAddress } from '../../src/model/address.js';

// Where the other hosts reach this one, told from real links, addresses and routes.

const sockets = new RtnetlinkSockets();
t.teardown(() => sockets.close());
const ip = (...args: string[]): Promise<unknown> => execa('ip', args);
const found = async (wanted?: string): Promise<string> => {
  const { address, mtu } = await new KernelUnderlay(sockets, wanted === undefined ? undefined : IpAddress.parse(wanted)).find();
  return `${address.toString()} ${mtu}`;
};

async function link(name: string, mtu: number, ...addresses: string[]): Promise<void> {
  await ip('link', 'add', name, 'mtu', String(mtu), 'type', 'bridge');
  for (const address of addresses) await ip('address', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : []));
  await ip('link', 'set', name, 'up');
}

t.test('a host without any other address than those of loopback', async (t) => {
  await t.rejects(found(), { code: 'invalid', message: /^this host has no address/ });
});

t.test('the only address that is not on a link of Docker or netctl', async (t) => {
  await link('docker0', 1500, '172.17.0.1/16');
  await link('br-b65454353d56', 1500, '172.18.0.1/16');
  await ip('link', 'add', 'nu-1', 'type', 'veth', 'peer', 'name', 'other');
  await ip('address', 'add', '169.254.240.1/32', 'dev', 'nu-1');
  await ip('link', 'set', 'lo', 'up');
  await ip('address', 'add', '192.0.2.53/32', 'dev', 'lo');
  await t.rejects(found(), { message: /^this host has no address/ });
  await link('eth0', 1400, '192.168.50.11/24', '2001:db8::11/64');
  t.equal(await found(), '192.168.50.11 1400');
});

t.test('the link of the default route, the preferred one first', async (t) => {
  await link('eth1', 9000, '10.9.0.11/24');
  await t.rejects(found(), { code: 'invalid', message: /10\.9\.0\.11 on eth1/ });
  await ip('route', 'add', 'default', 'via', '192.168.50.1', 'metric', '100');
  t.equal(await found(), '192.168.50.11 1400');
  await ip('route', 'add', 'default', 'via', '10.9.0.1', 'metric', '50');
  t.equal(await found(), '10.9.0.11 9000');
});

t.test('the one that was asked for', async (t) => {
  t.equal(await found('2001:db8::11'), '2001:db8::11 1400');
  await t.rejects(found('10.9.0.12'), { code: 'invalid', message: /^underlay-address is 10\.9\.0\.12, which this host does not have: it has / });
});

t.test('an address that IPv6 is about to give up is not chosen', async (t) => {
  await link('eth2', 1500);
  await ip('address', 'add', '2001:db8:2::1/64', 'dev', 'eth2', 'nodad', 'preferred_lft', '0');
  await ip('address', 'add', '2001:db8:2::2/64', 'dev', 'eth2', 'nodad');
  await ip('route', 'del', 'default', 'via', '192.168.50.1');
  await ip('route', 'del', 'default', 'via', '10.9.0.1');
  await ip('-6', 'route', 'add', 'default', 'via', '2001:db8:2::ff');
  t.equal(await found(), '2001:db8:2::2 1500');
});
