import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execaSync } from 'execa';
import t, { type Test } from 'tap';
import { labHost, until, untilProviders } from './support/lab.js';
import { observedNat } from './support/router-state.js';
import { runClient, runServer, servicePorts } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// netctld meets an nft that fails in every way that one has failed in. What the kernel holds stays whole and goes on
// working, it is told what is the matter, and all is well again a few seconds after nft is.

const directory = mkdtempSync(join(tmpdir(), 'netctl-nft-'));
t.teardown(() => rmSync(directory, { recursive: true }));
const real = execaSync('sh', ['-c', 'command -v nft'], { env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } }).stdout;

/** Fails as the file of its network namespace says, and is nft otherwise. */
const stub = `#!/bin/sh
router=$(ip netns identify $$)
echo "$router $*" >>${directory}/calls
case $(cat "${directory}/mode-$router" 2>/dev/null) in
  fail) echo 'Error: it is broken' >&2; exit 1 ;;
  full) echo '/dev/stdin:1:1-2: Error: Could not process rule: No space left on device' >&2; exit 1 ;;
  crash) kill -SEGV $$ ;;
  hang) exec sleep 1000 ;;
  slow) sleep 2 ;;
  idle) exit 0 ;;
esac
exec ${real} "$@"
`;
writeFileSync(join(directory, 'nft'), stub, { mode: 0o755 });

function setMode(tenant: string, mode: string): void {
  writeFileSync(join(directory, `mode-netctl-${tenant}`), mode);
}

/** How often nft was started in the tenant's router. */
function starts(tenant: string): number {
  return readFileSync(join(directory, 'calls'), 'utf8').split('\n').filter((line) => line.startsWith(`netctl-${tenant} `)).length;
}

const host = await labHost(t, 'nft', { PATH: `${directory}:${process.env['PATH']}` });
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
const serviceIp = '10.1.1.100';
await host.netctl('tenant', 'create', 'blue');
for (const tenant of ['default', 'blue']) {
  await host.netctl('net', 'create', 'n1', '-t', tenant, '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await host.netctl('service', 'create', 'web', '-t', tenant, '--network', 'n1', '--selector=tier=web', '-ip', serviceIp, ...servicePorts);
}
await runServer(host, 's1', { network: 'n1', labels: ['tier=web', 'pool=all'] });
await runServer(host, 's2', { network: 'n1', labels: ['pool=all'] });
await runClient(host, 'client', 'n1');
await untilProviders(host, 'web', ['s1']);
const traffic = await Traffic.from(t, host, 'client');
await until('the service answers', async () => answers(await traffic.connect(serviceIp, 8080, 1))['s1'] === 1 || 'not yet');

const rules = async (): Promise<string> => JSON.stringify(await observedNat(host, 'default'), (_, value: unknown) => (value instanceof Map ? [...(value as Map<string, unknown>)] : value));
const errorOf = async (tenant = 'default'): Promise<string> => (await host.inspect<{ Oper: { error?: string } }>(`tenants/${tenant}`)).Oper.error ?? '';

interface Fault {
  readonly mode: string;
  /** What the tenant's error says. */
  readonly error: RegExp;
  /** How long after the fault all is well, in milliseconds: the longest pause after a failure, a look, and a pass. */
  readonly recoversMs: number;
}

const faults: readonly Fault[] = [
  { mode: 'fail', error: /^nft could not change the tables in the router of tenant default: it is broken$/, recoversMs: 10_000 },
  { mode: 'full', error: /No space left on device$/, recoversMs: 10_000 },
  { mode: 'crash', error: /^nft was ended by SIGSEGV in the router at \S+netctl-default$/, recoversMs: 10_000 },
  { mode: 'idle', error: /^nft says that it changed the rules in the router of tenant default, but the kernel has them unchanged/, recoversMs: 10_000 },
  // It is ended after fifteen seconds.
  { mode: 'hang', error: /^nft did not end within 15 s and was killed in the router at \S+netctl-default$/, recoversMs: 30_000 },
];

/**
 * Elements are changed without nft. It is needed for a balancing chain with another number of slots: each of these shares, in percent,
 * of one provider of two takes a number of its own.
 */
const shares = [50, 10, 20, 25, 4, 5];

/** A service that cannot be there without nft. */
async function createBalanced(name: string, address: string, share: number | undefined): Promise<void> {
  await host.netctl('service', 'create', name, '--network', 'n1', '--selector=pool=all', '--weight', `tier=web:${share}`, '-ip', address, '--port', '8080:80:tcp');
}

const answered = (counts: Record<string, number>): boolean => Object.keys(counts).some((name) => ['s1', 's2'].includes(name));

/** While the fault lasts; long enough that a busy loop would show. */
const windowMs = 8_000;

let number = 0;
for (const { mode, error, recoversMs } of faults) {
  t.test(`nft: ${mode}`, async (t) => {
    number += 1;
    const connection = await traffic.hold(serviceIp, 8081);
    const before = await rules();
    const startsBefore = starts('default');
    setMode('default', mode);
    await createBalanced(`new${number}`, `10.1.1.${100 + number}`, shares[number]);
    const began = performance.now();
    await otherTenantIsServed(t, `10.1.1.${150 + number}`);
    await dockerRunEnds(t, `k${number}`);
    t.equal(await connection.say('hello'), 'hello', 'an open connection goes on');
    t.strictSame(answers(await traffic.connect(serviceIp, 8080, 3)), { s1: 3 }, 'new connections, too');
    await until('it is told what is the matter', async () => {
      const found = await errorOf();
      return error.test(found) || found;
    }, 40_000);
    await setTimeout(Math.max(0, windowMs - (performance.now() - began)));
    const seconds = (performance.now() - began) / 1000;
    t.equal(await rules(), before, 'never half a change');
    const started = starts('default') - startsBefore;
    t.ok(started <= 12 + seconds, `nft was started ${started} times in ${Math.round(seconds)} s`);
    setMode('default', 'ok');
    const mended = performance.now();
    await until('the new service answers', async () => answered(answers(await traffic.connect(`10.1.1.${100 + number}`, 8080, 1))) || 'not yet', 60_000);
    await until('nothing is the matter any more', async () => (await errorOf()) === '' || errorOf(), 60_000);
    const ms = performance.now() - mended;
    t.ok(ms < recoversMs, `all is well ${Math.round(ms)} ms after nft is`);
    t.equal(await connection.say('still there'), 'still there', 'and the connection outlived it');
    await host.docker('rm', '-f', `k${number}`);
  });
}

t.test('an nft that is slow only delays', async (t) => {
  setMode('default', 'slow');
  const startsBefore = starts('default');
  await createBalanced('slow', '10.1.1.120', 2);
  await otherTenantIsServed(t, '10.1.1.170');
  await host.docker('run', '-d', '--name', 'slowly', '--net=n1', 'alpine', 'sleep', '100000');
  await until('the service answers', async () => answered(answers(await traffic.connect('10.1.1.120', 8080, 1))) || 'not yet');
  t.ok(starts('default') > startsBefore, 'nft was needed');
  t.equal(await errorOf(), '');
  setMode('default', 'ok');
  await host.docker('rm', '-f', 'slowly');
});

t.test('elements are changed whatever becomes of nft', async (t) => {
  setMode('default', 'fail');
  const startsBefore = starts('default');
  await host.netctl('service', 'create', 'plain', '--network', 'n1', '--selector=tier=web', '-ip', '10.1.1.121', '--port', '8080:80:tcp');
  t.strictSame(answers(await traffic.connect('10.1.1.121', 8080, 3)), { s1: 3 });
  t.equal(starts('default'), startsBefore, 'it was not asked');
  t.equal(await errorOf(), '');
  setMode('default', 'ok');
});

t.test('what somebody else deleted is found and put back whatever becomes of nft', async (t) => {
  const isThere = async (): Promise<boolean> => (await host.router('default', 'nft', 'list', 'set', 'ip', 'netctl', 'service_ips')).includes(serviceIp);
  setMode('default', 'fail');
  const startsBefore = starts('default');
  await host.router('default', 'nft', 'delete', 'element', 'ip', 'netctl', 'service_ips', `{ ${serviceIp} }`);
  await until('it is there again', async () => (await isThere()) || 'not yet');
  t.equal(starts('default'), startsBefore, 'nft was not asked');
  t.equal(await errorOf(), '');
  setMode('default', 'ok');
});

async function otherTenantIsServed(t: Test, address: string): Promise<void> {
  const began = performance.now();
  await host.netctl('net', 'create', `m${number}`, '-t', 'blue', '-s', `10.${10 + number}.1.0/24`);
  await host.netctl('service', 'create', `other${address.split('.')[3]}`, '-t', 'blue', '--network', 'n1', '--selector=tier=web', '-ip', address, '--port', '80:80:tcp');
  const set = await host.router('blue', 'nft', 'list', 'set', 'ip', 'netctl', 'service_ips');
  t.match(set, address, 'another tenant is served meanwhile');
  t.comment(`another tenant: ${Math.round(performance.now() - began)} ms`);
}

/** Docker waits for the answer with locks held: there must be one. */
async function dockerRunEnds(t: Test, name: string): Promise<void> {
  const began = performance.now();
  const { exitCode, stderr } = await host.run('docker', 'run', '-d', '--name', name, '--net=n1', 'alpine', 'sleep', '100000');
  const ms = performance.now() - began;
  t.ok(ms < 10_000, `docker run ended after ${Math.round(ms)} ms`);
  if (exitCode !== 0) t.match(stderr, /the link of endpoint \w+ could not be made: a program that works on the router has not ended within 7 s; try again/, 'and says why it failed');
}
