import '../support/throw-away-host.js';
import { execa } from 'execa';
import t from 'tap';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { KernelHostNetwork } from '../../daemon/kernel/host.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { IpAddress, Mac, Prefix } from '../../src/model/address.js';
import { hostContract } from './host.js';

const sockets = new RtnetlinkSockets();
t.teardown(() => sockets.close());
const host = new KernelHostNetwork(sockets);

t.test('KernelHostNetwork', async (t) => {
  // The other links of the host do not come into being during a test.
  await execa('ip', ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1']);
  await hostContract(t, new KernelRouters(sockets), new KernelFabric(sockets), host);
});

const text = 'table inet netctl_host {\n  chain forward {\n    type filter hook forward priority 0; policy accept;\n    ct state invalid drop\n  }\n}\n';

t.test('a table that is not as it was written is not taken for the text', async (t) => {
  await host.apply([{ action: 'setRules', text }]);
  await execa('nft', ['add table inet others']);
  t.equal((await host.read()).rules, text, 'what others do elsewhere does not matter');
  await execa('nft', ['add rule inet netctl_host forward accept']);
  t.equal((await host.read()).rules, '');
  t.equal((await new KernelHostNetwork(sockets).read()).rules, '', 'nor by who did not write it');
  await host.apply([{ action: 'setRules', text }]);
  await execa('nft', ['flush ruleset']);
  t.equal((await host.read()).rules, undefined);
});

t.test('rules that nft refuses change nothing, and the reason is told', async (t) => {
  await host.apply([{ action: 'setRules', text }]);
  await t.rejects(host.apply([{ action: 'setRules', text: text.replace('drop', 'fly') }]), { code: 'internal', message: /nft could not change the table inet netctl_host of the host: syntax error/ });
  t.match((await execa('nft', ['list', 'table', 'inet', 'netctl_host'])).stdout, /ct state invalid drop/);
  t.equal((await host.read()).rules, '', 'what is there now must be written again');
});

t.test('acceptances are at the head of the chain, and others are left alone', async (t) => {
  await execa('iptables', ['-A', 'FORWARD', '-j', 'DROP']);
  await host.apply([{ action: 'setAccept', accept: '4 in', present: true }]);
  t.equal((await execa('iptables', ['-S', 'FORWARD'])).stdout, '-P FORWARD ACCEPT\n-A FORWARD -i nu-+ -m comment --comment netctl -j ACCEPT\n-A FORWARD -j DROP');
  await execa('iptables', ['-I', 'FORWARD', '-i', 'nu-+', '-m', 'comment', '--comment', 'netctl', '-j', 'ACCEPT']);
  await host.apply([{ action: 'setAccept', accept: '4 in', present: false }]);
  t.equal((await execa('iptables', ['-S', 'FORWARD'])).stdout, '-P FORWARD ACCEPT\n-A FORWARD -j DROP', 'all that say the same');
});

t.test('without iptables there is nothing to accept', async (t) => {
  const path = process.env['PATH'];
  t.teardown(() => (process.env['PATH'] = path));
  await execa('mkdir', ['-p', '/run/bin']);
  await execa('sh', ['-c', 'ln -s "$(command -v nft)" /run/bin/']);
  process.env['PATH'] = '/run/bin';
  t.same([...(await host.read()).accepts], []);
  await host.apply([{ action: 'setAccept', accept: '4 in', present: true }]);
});

t.test('the routes of the host, without its own to uplinks', async (t) => {
  await execa('ip', ['address', 'add', '192.168.50.11/24', 'dev', 'eth0']);
  await execa('ip', ['address', 'add', 'fd00:50::11/64', 'dev', 'eth0', 'nodad']);
  for (const end of ['eth0', 'eth1']) await execa('ip', ['link', 'set', end, 'up']);
  for (const route of ['default via 192.168.50.1', '10.9.0.0/16 via 192.168.50.2', '10.8.0.0/16 nexthop via 192.168.50.3 nexthop via 192.168.50.4']) await execa('ip', ['route', 'add', ...route.split(' ')]);
  await execa('ip', ['route', 'add', 'blackhole', '10.7.0.0/16']);
  await execa('ip', ['link', 'add', 'nu-5', 'type', 'veth', 'peer', 'name', 'nothing']);
  for (const end of ['nu-5', 'nothing']) await execa('ip', ['link', 'set', end, 'up']);
  await execa('ip', ['route', 'add', '10.1.0.0/16', 'dev', 'nu-5']);
  const routes = (await host.foreignRoutes()).map(({ prefix, link }) => `${prefix.toString()} ${link}`).toSorted();
  t.same(routes, ['10.8.0.0/16 eth0', '10.9.0.0/16 eth0', '192.168.50.0/24 eth0', 'fd00:50::/64 eth0']);
});

t.test('a route of the host to the same prefix is left alone, and goes before ours', async (t) => {
  const routers = new KernelRouters(sockets);
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  const mac = Mac.parse('02:03:00:00:00:00');
  await new KernelFabric(sockets).apply('blue', [{ action: 'createUplink', link: { kind: 'uplink', name: 'uplink', mac, up: true }, peer: { name: 'nu-0', mac, mtu: 1500 } }]);
  await host.apply([{ action: 'setLink', link: { name: 'nu-0', mac, up: true } }]);
  for (const [prefix, source, via, length] of [['10.6.0.0/24', '169.254.240.0', '169.254.240.1', 31], ['fd06::/64', 'fd6c::', 'fd6c::1', 127]] as const) {
    const address = IpAddress.parse(source);
    const route = { kind: 'subnet', prefix: Prefix.parse(prefix), link: 'nu-0', via: IpAddress.parse(via), source: address } as const;
    await execa('ip', ['route', 'add', prefix, 'dev', 'eth0']);
    await host.apply([{ action: 'addAddress', address: { link: 'nu-0', address, length } }, { action: 'setRoute', route }]);
    t.ok((await host.read()).routes.has(`${prefix} nu-0`));
    const inside = Prefix.parse(prefix).last.toString();
    t.match((await execa('ip', ['route', 'get', inside])).stdout, / dev eth0 /);
    await execa('ip', ['route', 'delete', prefix, 'dev', 'eth0']);
    t.match((await execa('ip', ['route', 'get', inside])).stdout, / dev nu-0 /);
  }
});
