import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../../daemon/config.js';
import type { Config } from '../../../daemon/config.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { flagOf, optionNames, variableOf } from '../../../daemon/config/options.js';

const base = mkdtempSync(join(tmpdir(), 'netctl-config-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));

function fileWith(text: string): string {
  const path = join(mkdtempSync(join(base, 'x-')), 'netctld.json');
  writeFileSync(path, text);
  return path;
}

function load(argv: string[], env: Record<string, string> = {}): Config {
  const loaded = loadConfig(argv, env, '1.2.3');
  if ('print' in loaded) throw new Error(`only asks to print: ${loaded.print}`);
  return loaded.config;
}

/** An empty file stands for the machine's own /etc/netctl/netctld.json, which must not matter here. */
const noFile = ['--config', fileWith('{}')];

t.test('without settings the defaults hold', (t) => {
  t.same(load(noFile), {
    socket: '/run/netctl/netctl.sock',
    listen: undefined,
    tlsCert: undefined,
    tlsKey: undefined,
    tlsCa: undefined,
    pluginSocket: '/run/docker/plugins/netctl.sock',
    state: '/var/lib/netctl',
    store: { kind: 'embedded' },
    etcdCa: undefined,
    etcdCert: undefined,
    etcdKey: undefined,
    etcdUser: undefined,
    etcdPasswordFile: undefined,
    etcdPrefix: '/netctl/',
    underlayAddress: undefined,
    vxlanPort: 4789,
    hostLease: 10,
    encrypt: false,
    wireguardPort: 51820,
    dockerSocket: '/var/run/docker.sock',
    hostName: hostname(),
    defaultAddressPool: { base: Prefix.parse('10.64.0.0/10'), size: 24 },
    defaultAddressPoolv6: { base: Prefix.parse('fd6e:6574:6374:8000::/49'), size: 64 },
    addressRest: 60,
    reclaimAfter: 60,
    verifyInterval: 60,
    uplinkSubnet: Prefix.parse('169.254.240.0/20'),
    uplinkSubnetv6: Prefix.parse('fd6e:6574:6374:6c::/112'),
    logLevel: 'info',
  });
  t.end();
});

t.test('flag before environment before file before default', (t) => {
  const file = fileWith('{ "state": "/file", "socket": "/file.sock", "address-rest": 7, "host-name": "file" }');
  const env = { NETCTLD_STATE: '/env', NETCTLD_SOCKET: '/env.sock', NETCTLD_HOST_NAME: '' };
  t.match(load(['--config', file, '--state', '/flag'], env), { state: '/flag', socket: '/env.sock', addressRest: 7, hostName: 'file', verifyInterval: 60 });
  t.match(load([], { NETCTLD_CONFIG: file }), { state: '/file' }, 'the environment can name the file');
  t.match(load(['--config', file], { NETCTLD_CONFIG: '/none' }), { state: '/file' }, 'and the flag another');
  t.end();
});

t.test('every option is taken from everywhere', (t) => {
  const texts: Record<keyof Config, string> = {
    socket: '/a/b.sock',
    listen: 'localhost:9999',
    tlsCert: '/tls/cert.pem',
    tlsKey: '/tls/key.pem',
    tlsCa: '/tls/ca.pem',
    pluginSocket: '/p.sock',
    state: '/s/../t',
    store: 'etcd://10.0.0.1,[fd00::1]:4001,etcd-3.example:2379/',
    etcdCa: '/etcd/ca.pem',
    etcdCert: '/etcd/cert.pem',
    etcdKey: '/etcd/key.pem',
    etcdUser: 'netctl',
    etcdPasswordFile: '/etcd/password',
    etcdPrefix: '/hosts/netctl/',
    underlayAddress: '192.168.50.11',
    vxlanPort: '14789',
    hostLease: '3',
    encrypt: 'true',
    wireguardPort: '51920',
    dockerSocket: '/d.sock',
    hostName: 'h1.example',
    defaultAddressPool: 'base=172.16.0.0/12,size=28',
    defaultAddressPoolv6: 'base=fd00:1::/48,size=64',
    addressRest: '0',
    reclaimAfter: '10',
    verifyInterval: '86400',
    uplinkSubnet: '10.255.0.0/24',
    uplinkSubnetv6: 'fd00:2::/120',
    logLevel: 'trace',
  };
  const expected: Config = {
    ...texts,
    state: '/t',
    store: { kind: 'etcd', endpoints: ['10.0.0.1:2379', '[fd00::1]:4001', 'etcd-3.example:2379'] },
    listen: { host: '127.0.0.1', port: 9999 },
    defaultAddressPool: { base: Prefix.parse('172.16.0.0/12'), size: 28 },
    defaultAddressPoolv6: { base: Prefix.parse('fd00:1::/48'), size: 64 },
    underlayAddress: IpAddress.parse('192.168.50.11'),
    vxlanPort: 14789,
    hostLease: 3,
    encrypt: true,
    wireguardPort: 51920,
    addressRest: 0,
    reclaimAfter: 10,
    verifyInterval: 86400,
    uplinkSubnet: Prefix.parse('10.255.0.0/24'),
    uplinkSubnetv6: Prefix.parse('fd00:2::/120'),
    logLevel: 'trace',
  };
  const flags = optionNames.map((name) => [flagOf(name), texts[name]] as const);
  t.same(load([...noFile, ...flags.map(([flag, text]) => `--${flag}=${text}`)]), expected);
  t.same(load(noFile, Object.fromEntries(flags.map(([flag, text]) => [variableOf(flag), text]))), expected);
  t.same(load(['--config', fileWith(JSON.stringify(Object.fromEntries(flags)))]), expected);
  t.end();
});

t.test('a wrong value is said, with its place and what it must be', (t) => {
  const table: [string[], RegExp][] = [
    [['--state', 'x'], /^--state is "x": it must be an absolute path$/],
    [['--state='], /must be an absolute path/],
    [['--socket', `/${'x'.repeat(107)}`], /at most 107 bytes/],
    [['--underlay-address', 'eth0'], /^--underlay-address is "eth0": it must be an IP address, for example 192\.168\.50\.11$/],
    [['--vxlan-port', '0'], /must be a port number from 1 to 65535/],
    [['--vxlan-port', '65536'], /must be a port number/],
    [['--host-lease', '2'], /must be a whole number of seconds from 3 to 3600/],
    [['--listen', '9999'], /must be host:port/],
    [['--listen', ':9999'], /must be host:port/],
    [['--uplink-subnet', '10.255.0.0/32'], /--uplink-subnet is "10.255.0.0\/32": it must be an IPv4 subnet of at most 31 bits/],
    [['--uplink-subnet', 'fd00::/112'], /must be an IPv4 subnet/],
    [['--uplink-subnetv6', '10.0.0.0/8'], /must be an IPv6 subnet of at most 127 bits/],
    [['--uplink-subnetv6', 'many'], /must be an IPv6 subnet/],
    [['--listen', '127.0.0.1:65536'], /must be host:port/],
    [['--listen', '::1:9999'], /must be host:port/],
    [['--listen', '0.0.0.0:9999'], /^the API cannot be offered on 0\.0\.0\.0 without TLS, as it does not ask who calls: give tls-cert, tls-key and tls-ca, or/],
    [['--listen', '128.0.0.1:9999'], /without TLS/],
    [['--listen', '[::]:9999'], /cannot be offered on :: without TLS/],
    [['--listen', 'example.com:9999'], /must begin with an IP address or "localhost", as names are not looked up/],
    [['--listen', '0.0.0.0:9999', '--tls-cert', '/c'], /^tls-cert, tls-key and tls-ca belong together, and not all of them are given/],
    [['--listen', '127.0.0.1:9999', '--tls-cert', '/c', '--tls-ca', '/a'], /belong together/],
    [['--tls-cert', '/c', '--tls-key', '/k', '--tls-ca', '/a'], /but nothing listens on TCP/],
    [['--tls-key', 'key.pem'], /^--tls-key is "key\.pem": it must be an absolute path$/],
    [['--host-name', 'a_b'], /host name/],
    [['--store', 'level'], /^--store is "level": it must be "embedded" or the members of an etcd, for example etcd:\/\/10\.0\.0\.1:2379,10\.0\.0\.2:2379$/],
    [['--store', 'etcd://'], /must be "embedded" or the members/],
    [['--store', 'etcd://a:2379,'], /must name members as HOST:PORT, and "" is none/],
    [['--store', 'etcd://a:70000'], /and "a:70000" is none/],
    [['--store', 'etcd://fd00::1'], /and "fd00::1" is none/],
    [['--store', 'etcd://a,a:2379'], /names the member a:2379 twice/],
    [['--store', 'etcd://a', '--etcd-prefix', 'netctl'], /must begin and end with a slash/],
    [['--encrypt', 'yes'], /^--encrypt is "yes": it must be true or false$/],
    [['--vxlan-port', '65535'], /^vxlan-port is 65535, and the port after it is needed for encrypted networks/],
    [['--wireguard-port', '65535'], /^wireguard-port is 65535, and the port after it is needed/],
    [['--wireguard-port', '4790'], /^vxlan-port is 4789 and wireguard-port is 4790: each needs the port after it as well/],
    [['--etcd-ca', '/ca.pem'], /^etcd-ca is given, but the state is not in etcd: give store, too/],
    [['--store', 'etcd://a', '--etcd-ca', '/ca', '--etcd-cert', '/cert'], /^etcd-cert and etcd-key belong together/],
    [['--store', 'etcd://a', '--etcd-key', '/key', '--etcd-cert', '/cert'], /^etcd-cert is given without etcd-ca/],
    [['--store', 'etcd://a', '--etcd-user', 'u'], /^etcd-user and etcd-password-file belong together/],
    [['--migrate-state', 'disk'], /^--migrate-state is "disk": it must be "embedded" or/],
    [['--migrate-state', 'embedded', '--etcd-user', 'u', '--etcd-password-file', '/p'], /but the state is not in etcd/],
    [['--default-address-pool', '10.0.0.0/8'], /must be base=SUBNET,size=LENGTH, for example base=10\.64\.0\.0\/10,size=24$/],
    [['--default-address-pool', 'base=10.0.0.0/8,size=7'], /must have a size from 8 to 31/],
    [['--default-address-pool', 'base=10.0.0.0/8,size=32'], /must have a size from 8 to 31/],
    [['--default-address-pool', 'base=fd00::/48,size=64'], /IPv6 subnet where an IPv4 subnet belongs/],
    [['--default-address-poolv6', 'base=ff00::/48,size=64'], /multicast/],
    [['--address-rest', '-1'], /whole number of seconds from 0 to 86400/],
    [['--address-rest', '1.5'], /whole number/],
    [['--address-rest', '1e3'], /whole number/],
    [['--reclaim-after', '9'], /must be a whole number of seconds from 10 to 3600/],
    [['--verify-interval', '0'], /from 1 to 86400/],
    [['--log-level', 'loud'], /must be one of trace, debug, info, warn, error, fatal/],
    [['--nonsense'], /unknown argument: nonsense/],
    [['--no-listen'], /unknown argument: no-listen/],
    [['-s', '/x'], /unknown argument: s/],
    [['start'], /"start" is not understood/],
    [['--state'], /not enough arguments following: state/],
    [['--state', '/a', '--state', '/b'], /--state is given 2 times/],
  ];
  for (const [argv, message] of table) t.throws(() => load([...noFile, ...argv]), { code: 'invalid', message }, argv.join(' '));
  t.throws(() => load(noFile, { NETCTLD_LOG_LEVEL: 'x' }), { code: 'invalid', message: /^NETCTLD_LOG_LEVEL is "x": it must be one of/ });
  t.end();
});

t.test('loopback is 127.0.0.0/8 and ::1', (t) => {
  for (const [text, host] of [['127.0.0.1:1', '127.0.0.1'], ['127.255.0.9:1', '127.255.0.9'], ['[::1]:1', '::1'], ['[0:0::1]:1', '::1']] as const) {
    t.same(load([...noFile, '--listen', text]).listen, { host, port: 1 });
  }
  t.end();
});

t.test('with TLS the API may be offered on any address', (t) => {
  const tls = ['--tls-cert', '/c', '--tls-key', '/k', '--tls-ca', '/a'];
  for (const [text, host] of [['0.0.0.0:1', '0.0.0.0'], ['[::]:1', '::'], ['10.1.1.1:1', '10.1.1.1'], ['127.0.0.1:1', '127.0.0.1']] as const) {
    t.match(load([...noFile, '--listen', text, ...tls]), { listen: { host, port: 1 }, tlsCert: '/c', tlsKey: '/k', tlsCa: '/a' });
  }
  t.end();
});

t.test('a wrong file is said', (t) => {
  const table: [string, RegExp][] = [
    ['{', /is not JSON/],
    ['[]', /must hold a JSON object/],
    ['null', /must hold a JSON object/],
    ['{ "loglevel": "info" }', /unknown key "loglevel": known are socket, listen,/],
    ['{ "logLevel": "info" }', /unknown key "logLevel"/],
    ['{ "state": 5 }', /^"state" in .* is 5: it must be an absolute path/],
    ['{ "state": null }', /is null: it must be/],
    ['{ "address-rest": -1 }', /is -1: it must be a whole number/],
    ['{ "address-rest": true }', /is true: it must be a whole number/],
  ];
  for (const [text, message] of table) t.throws(() => load(['--config', fileWith(text)]), { code: 'invalid', message }, text);
  t.throws(() => load(['--config', join(base, 'none')]), { code: 'invalid', message: /cannot be read: ENOENT/ });
  t.end();
});

t.test('--help lists every flag with its variable and default, --version the version', (t) => {
  const loaded = loadConfig(['--help', '--nonsense'], {}, '1.2.3');
  const help = 'print' in loaded ? loaded.print : '';
  for (const flag of ['config', ...optionNames.map(flagOf)]) t.match(help, new RegExp(`--${flag} .*\\[${variableOf(flag)}\\]\\s+\\[string\\] \\[default: .+\\]`), flag);
  t.same(loadConfig(['--version'], {}, '1.2.3'), { print: '1.2.3' });
  t.end();
});
