import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { DaemonProcess } from './daemon-process.js';
import { labHost, until, untilProviders, type Host } from './lab.js';
import { greeting, hostAddress, hostAddress6, outsideAddress, outsideAddress6, outsideOf } from './outside.js';
import { runClient, runServer } from './servers.js';
import { Traffic } from './traffic.js';

const capabilityNumbers: Record<string, number> = { CAP_CHOWN: 0, CAP_NET_BIND_SERVICE: 10, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21 };

/**
 * All that users do, with an installed netctld that has only what its unit leaves it.
 * @param program where netctld is.
 * @param unitPath its unit.
 * @param calls the names of the system calls that the unit allows.
 */
export async function worksWithin(t: Test, { program, unitPath, calls }: { program: string; unitPath: string; calls: readonly string[] }): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'netctl-rights-'));
  t.teardown(() => rmSync(scratch, { recursive: true }));
  const [starter, list] = [join(scratch, 'netctld'), join(scratch, 'calls')];
  writeFileSync(list, calls.join('\n'));
  writeFileSync(starter, `#!/bin/sh\nexec ${process.execPath} ${join(import.meta.dirname, 'under-unit.js')} ${unitPath} ${list} ${program} "$@"\n`, { mode: 0o755 });
  const env = { LAB_NETCTLD: starter };
  const host = await labHost(t, 'rights', env);
  t.teardown(async () => {
    if (!t.passing()) t.comment(await host.log('netctld'));
  });
  await hasRights(t, host, readFileSync(unitPath, 'utf8'));
  await makeAll(host);
  await isReached(t, host);
  await changes(t, host);
  await isRepaired(t, host);
  await ends(t, host, env);
  const bad = (await host.log('netctld', 1000)).split('\n').filter((line) => /"level":"(warn|error|fatal)"/.test(line) && !/"event":"(router|host)-repaired"/.test(line));
  t.strictSame(bad, [], 'nothing else is told in the log');
}

/** What the kernel says of the process. */
async function hasRights(t: Test, host: Host, unit: string): Promise<void> {
  const status = readFileSync(`/proc/${new DaemonProcess(host).pid}/status`, 'utf8');
  const names = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
  const mask = names.reduce((sum, name) => sum + 2 ** (capabilityNumbers[name] ?? NaN), 0).toString(16).padStart(16, '0');
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) t.match(status, new RegExp(`^${set}:\t${mask}$`, 'm'), `${set} is the unit's`);
  t.match(status, /^CapInh:\t0+$/m);
  t.match(status, /^NoNewPrivs:\t1\nSeccomp:\t2$/m, 'its system calls are filtered');
}

async function makeAll(host: Host): Promise<void> {
  await host.netctl('net', 'create', 'net', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '--subnetv6', 'fd00:1::/64', '--gatewayv6', 'fd00:1::ff');
  await host.netctl('tenant', 'create', 'blue', '--host-access');
  await host.netctl('net', 'create', 'net', '-t', 'blue', '-s', '10.2.1.0/24', '-g', '10.2.1.254');
  await host.netctl('service', 'create', 'web', '-s', 'net', '-l', 'tier=web', '-p', '80:80:tcp', '-p', '53:53:udp', '-ip', '10.1.1.100');
  await runServer(host, 'web1', { network: 'net', labels: ['tier=web'], options: ['-p', '80:80', '-p', '53:53/udp'] });
  await runServer(host, 'far', { network: 'net/blue' });
  await runClient(host, 'client', 'net');
  await untilProviders(host, 'web', ['web1']);
}

async function isReached(t: Test, host: Host): Promise<void> {
  const outside = await outsideOf(host);
  t.equal(await greeting(host, '10.1.1.100', 80, 'client'), 'web1', 'a service, from a container');
  t.equal(await greeting(host, '10.1.1.100', 80), 'web1', 'from the host');
  t.equal(await greeting(host, '10.2.1.1', 80), 'far', 'a container of another tenant, from the host');
  t.equal(await greeting(outside, hostAddress, 80), 'web1', 'a published port below 1024, from outside');
  t.match(await (await Traffic.on(t, outside)).datagram(hostAddress, 53, 0), { answer: 'web1' }, 'UDP, too');
  t.equal(await greeting(host, '127.0.0.1', 80), 'web1', 'and from the host');
  for (const address of [outsideAddress, outsideAddress6, hostAddress6]) t.equal((await host.inside('client', `ping -c 1 -W 2 ${address}`)).exitCode, 0, `${address} is reached by a container`);
}

async function changes(t: Test, host: Host): Promise<void> {
  await host.docker('network', 'create', '-d', 'netctl', '--ipam-driver', 'netctl', '--subnet', '10.2.2.0/24', '-o', 'tenant=blue', 'more');
  await host.docker('network', 'connect', 'more', 'client');
  await host.docker('network', 'disconnect', 'more', 'client');
  await host.docker('network', 'rm', 'more');
  for (const verb of ['drain', 'undrain']) await host.netctl('service', verb, 'web', 'web1');
  await host.netctl('service', 'update', 'web', '--algorithm', 'source');
  t.equal(await greeting(host, '10.1.1.100', 80, 'client'), 'web1', 'a service that was changed');
  t.match(await host.netctl('service', 'stats', 'web'), / web1 .* serving +\d/, 'what was counted');
  t.match(await host.netctl('doctor'), /^All \d+ checks passed\.$/m, 'nothing is missing');
}

async function isRepaired(t: Test, host: Host): Promise<void> {
  await host.router('default', 'nft', 'flush', 'ruleset');
  await host.ok('sh', '-c', 'ip netns delete netctl-blue; nft delete table inet netctl_host; iptables -F FORWARD; sysctl -qw net.ipv4.ip_forward=0');
  t.match(await host.netctl('doctor', '--repair'), /^All \d+ checks passed\.$/m, 'all is repaired');
  t.equal(await greeting(host, '10.1.1.100', 80), 'web1', 'a router without rules');
  t.equal(await greeting(host, '10.2.1.1', 80), 'far', 'a router without a name');
}

async function ends(t: Test, host: Host, env: Record<string, string>): Promise<void> {
  await host.daemon('restart', 'netctld', env);
  t.equal(await greeting(host, hostAddress, 80), 'web1', 'netctld is started again');
  // The router balances as before meanwhile; who leaves it is told from when it has been brought up to date.
  await until('all is well', async () => {
    const { exitCode, stdout } = await host.run('netctl', 'doctor');
    return exitCode === 0 || stdout;
  });
  await host.docker('stop', 'web1');
  await untilProviders(host, 'web', []);
  await host.docker('rm', '-f', 'web1', 'far', 'client');
  await host.netctl('net', 'rm', 'net', '-t', 'blue');
  await host.netctl('tenant', 'rm', 'blue');
  t.match(await host.netctl('events'), /ProviderRemoved service default:web/);
  await until('the router is gone', async () => !(await host.ok('ip', 'netns', 'list')).includes('netctl-blue') || 'not yet');
}
