import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { nouns } from '../../../cli/nouns.js';
import { netctlFile } from '../../support/programs.js';
import { Api, netctl, ok } from './harness.js';

const named = (tenantName: string, more: object): object => ({ Config: { key: '', tenantName, ...more }, Oper: {} });
const endpoint = (tenantName: string, containerName: string): object => ({ Oper: { tenantName, containerName, network: 'net', ipAddress: [] } });
const networks = [named('default', { networkName: 'web-net' }), named('default', { networkName: 'app-net' })];
const endpoints = [endpoint('default', '/web-1'), endpoint('default', '/web-1')];
const objects = {
  'GET /api/v1/inspect/tenants/?brief=true': ok([named('default', {}), named('blue', {})]),
  'GET /api/v1/inspect/networks/?tenant=default&brief=true': ok(networks),
  'GET /api/v1/inspect/networks/?tenant=blue&brief=true': ok([named('blue', { networkName: 'sea' })]),
  'GET /api/v1/inspect/serviceLBs/?tenant=default&brief=true': ok([named('default', { serviceName: 'app-svc' })]),
  'GET /api/v1/inspect/serviceLBs/?tenant=blue&brief=true': ok([named('blue', { serviceName: 'db' })]),
  'GET /api/v1/inspect/hosts/?brief=true': ok([{ Oper: { hostName: 'h1' } }, { Oper: { hostName: 'h2' } }]),
  'GET /api/v1/inspect/endpoints/?tenant=default&brief=true': ok(endpoints),
  'GET /api/v1/inspect/endpoints/?tenant=blue&brief=true': ok([endpoint('blue', '/sea-1')]),
  'GET /api/v1/inspect/endpoints/?brief=true': ok([...endpoints, endpoint('blue', '/sea-1')]),
};

const api = await Api.listen(objects);
t.teardown(() => api.close());

async function words(...line: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await api.netctl('__complete', ...line);
  t.strictSame([code, stderr], [0, ''], line.join(' '));
  return stdout.split('\n').filter((word) => word !== '');
}

t.test('commands', async (t) => {
  const all = nouns.map(({ name }) => name);
  t.strictSame(await words(''), all);
  t.strictSame(await words('ne'), ['network']);
  t.strictSame(await words('-H', '/x', ''), all, 'after a flag and its value');
  t.strictSame(await words('net', 'i'), ['inspect'], 'an alias leads on, too');
  t.strictSame(await words('tenant', ''), ['create', 'ls', 'inspect', 'rm']);
  t.strictSame(await words('version', ''), []);
  t.strictSame(await words('nonsense', 'x'), [], 'and what is unknown leads nowhere');
  t.strictSame(await words('completion', ''), ['bash', 'zsh', 'fish']);
  t.strictSame(api.asked, [], 'for which netctld is not asked');
});

t.test('flags', async (t) => {
  t.strictSame(await words('net', 'create', '--subnet'), ['--subnet', '--subnetv6']);
  t.ok((await words('net', 'ls', '-')).includes('--all'));
  t.notOk((await words('net', 'ls', '-a', '--')).includes('--all'), 'not twice');
  t.ok((await words('service', 'create', '-l', 'a=b', '--')).includes('--selector'), 'unless it may be repeated');
  t.strictSame(await words('--tls-c'), ['--tls-ca', '--tls-cert']);
});

t.test('names of objects, of the tenant that the line names', async (t) => {
  t.strictSame(await words('net', 'inspect', ''), ['app-net', 'web-net']);
  t.strictSame(await words('net', 'inspect', 'w'), ['web-net']);
  t.strictSame(await words('net', 'inspect', '-t', 'blue', ''), ['sea']);
  t.strictSame(await words('net', '--tenant=blue', 'rm', ''), ['sea'], 'before the command, too');
  t.strictSame(await words('net', 'rm', '--tenant', '=', 'blue', ''), ['sea'], 'as Bash takes it apart');
  t.strictSame(await words('net', 'rm', 'web-net', ''), ['app-net'], 'several, each once');
  t.strictSame(await words('net', 'inspect', 'web-net', ''), [], 'one, and no more');
  t.strictSame(await words('net', 'create', ''), [], 'a new name is not known');
  t.strictSame(await words('tenant', 'rm', ''), ['blue', 'default']);
  t.strictSame(await words('host', 'rm', 'h1', ''), ['h2']);
  t.strictSame(await words('service', 'explain', ''), ['app-svc']);
  t.strictSame(await words('ep', 'inspect', ''), ['sea-1', 'web-1'], 'each once');
});

t.test('names of objects as values of flags', async (t) => {
  t.strictSame(await words('net', 'ls', '-t', ''), ['blue', 'default']);
  t.strictSame(await words('net', 'ls', '--tenant=b'), ['--tenant=blue']);
  t.strictSame(await words('net', 'ls', '--tenant', '='), ['blue', 'default']);
  t.strictSame(await words('service', 'create', '-t', 'blue', '--network', ''), ['sea']);
  t.strictSame(await words('service', 'create', '--selector', ''), []);
});

t.test('files are left to the shell', async (t) => {
  t.match(await api.netctl('__complete', '--tls-ca', ''), { code: 1, stdout: '', stderr: '' });
});

t.test('silence where netctld is down, refuses, or does not answer', async (t) => {
  t.match(await netctl(['__complete', 'net', 'rm', ''], { NETCTL_HOST: '/nonexistent' }), { code: 0, stdout: '', stderr: '' });
  t.match(await netctl(['__complete', 'net', 'rm', ''], { NETCTL_HOST: 'nonsense' }), { code: 0, stdout: '', stderr: '' });
  const directory = mkdtempSync(join(tmpdir(), 'netctl-complete-'));
  const silent = createServer(() => undefined).listen(join(directory, 'silent.sock'));
  t.teardown(() => {
    silent.closeAllConnections();
    silent.close();
    rmSync(directory, { recursive: true });
  });
  t.match(await netctl(['__complete', 'net', 'rm', ''], { NETCTL_HOST: join(directory, 'silent.sock') }), { code: 0, stdout: '', stderr: '' });
});

t.test('the script of each shell', async (t) => {
  t.match((await netctl(['completion', 'zsh'])).stdout, /^#compdef netctl\n[^]*netctl __complete /);
  t.match((await netctl(['completion', 'fish'])).stdout, /netctl __complete [^]*complete -c netctl -f /);
  t.match((await netctl(['completion'], { SHELL: '/usr/bin/zsh' })).stdout, /^#compdef netctl\n/);
  t.match((await netctl(['completion'], { SHELL: '/bin/dash' })).stdout, /\ncomplete -F _netctl netctl\n/);
});

t.test('Bash completes with its script', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'netctl-complete-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'netctl'), `#!/bin/sh\nexec '${process.execPath}' '${netctlFile}' "$@"\n`);
  chmodSync(join(directory, 'netctl'), 0o755);
  // As readline does it: the words, at the end of which of them the cursor is, and then the function. Its own option for files it cannot set here.
  const script = `compopt() { echo "compopt $*"; }; . <(netctl completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _netctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}`, NETCTL_HOST: `unix://${api.socket}` };
  const completed = async (...line: string[]): Promise<string> => (await execa('bash', ['-c', script, 'bash', 'netctl', ...line], { env, all: true })).all;
  t.equal(await completed('net', 'in'), 'inspect');
  t.equal(await completed('net', 'inspect', ''), 'app-net\nweb-net');
  t.equal(await completed('net', 'inspect', 'nothing'), '', 'nothing');
  t.equal(await completed('--tls-ca', ''), 'compopt -o default\n', 'a file');
});
