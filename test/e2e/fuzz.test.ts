import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { Flag } from '../../cli/command.js';
import { nouns } from '../../cli/nouns.js';
import { Random } from '../support/random.js';
import { DaemonProcess } from './support/daemon-process.js';
import { PluginFuzz, type PluginCall } from './support/fuzz-plugin.js';
import { RestFuzz, type OpenApi } from './support/fuzz-rest.js';
import { holdings } from './support/holdings.js';
import { labHost, until } from './support/lab.js';
import { requestHead, sendRaw, type RawAnswer } from './support/raw-http.js';

// Whatever is said to netctld, by Docker's protocol, by REST or by the command line, in whatever order and as often
// as one likes: it answers soon, does not end, and keeps nothing that nobody has asked for.

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = new Random(seed);
const pluginCalls = 10_000;
const restCalls = 3000;
const commands = 120;
const atOnce = 16;
const soonMs = 5000;

const host = await labHost(t, 'fuzz');
t.setTimeout(600_000);
const daemon = new DaemonProcess(host);
const firstPid = daemon.pid;
for (const [name, prefix] of [['fuzz1', '10.1.1'], ['fuzz2', '10.2.1']] as const) await host.netctl('net', 'create', name, '-s', `${prefix}.0/24`, '-g', `${prefix}.254`);
await host.netctl('service', 'create', 'web', '--network', 'fuzz1', '--selector=tier=web', '--port', '80:80:tcp', '-ip', '10.1.1.200');
t.comment(`seed ${seed}`);
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

const runDirectory = (): string => `/proc/${readFileSync(`/run/netctl-lab/${host.labName}/${host.name}/pid`, 'utf8').trim()}/root/run`;

/** Does the work again and again, several at once. */
async function many(times: number, work: () => Promise<void>): Promise<void> {
  let left = times;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** What is wrong with an answer, told once for each kind. */
class Complaints {
  readonly found = new Map<string, string>();

  add(what: string, sent: string, { status, text, ms }: RawAnswer): void {
    this.found.set(what, `${sent.slice(0, 500)} -> ${status} ${text.slice(0, 300)} (${Math.round(ms)} ms)`);
  }
}

async function networkIds(): Promise<{ id: string; pool: string; prefix: string }[]> {
  const inspect = async (name: string): Promise<string> => (await host.inspect<{ Oper: { dockerNetworkID: string } }>(`networks/default:${name}`)).Oper.dockerNetworkID;
  return [
    { id: await inspect('fuzz1'), pool: 'default/fuzz1/v4', prefix: '10.1.1' },
    { id: await inspect('fuzz2'), pool: 'default/fuzz2/v4', prefix: '10.2.1' },
  ];
}

/** The daemon is the same, all is well, and a container can be started. */
async function isWell(t: Test): Promise<void> {
  t.equal(daemon.pid, firstPid, 'netctld is the same process');
  t.equal(await host.docker('run', '--rm', '--net', 'fuzz1', 'alpine', 'echo', 'well'), 'well', 'a container starts');
  t.match(await host.netctl('doctor'), /All \d+ checks passed/);
}

t.test("Docker's protocol", async (t) => {
  const before = await holdings(host);
  const endpoints = Array.from({ length: 30 }, (_, index) => (index + 1).toString(16).padStart(2, '0').repeat(32));
  const networks = await networkIds();
  const fuzz = new PluginFuzz(random, { networks, endpoints });
  const socket = `${runDirectory()}/docker/plugins/netctl.sock`;
  const complaints = new Complaints();
  let done = 0;
  const send = async ({ method, body, length }: PluginCall): Promise<void> => {
    const answer = await sendRaw(socket, requestHead('POST', `/${method}`, body, length), body, length === undefined ? 30_000 : 200);
    done += 1;
    // Who sends more than is taken may be cut off while he still sends.
    const what = judgePlugin(answer, length !== undefined || (body.length > 1_000_000 && answer.status === undefined));
    if (what !== undefined) complaints.add(what, `${method} ${body}`, answer);
  };
  await many(pluginCalls, async () => {
    const call = fuzz.call();
    await send(call);
    // Docker repeats what it got no answer to, also at the same time.
    if (random.next() < 0.1) await Promise.all([send(call), send(call)]);
  });
  t.ok(done >= pluginCalls, `${done} calls`);
  t.strictSame(Object.fromEntries(complaints.found), {}, 'each is answered soon, and as the protocol has it');
  // What Docker says when it gives a container up; after that nothing of it may be left.
  for (const EndpointID of [...endpoints, 'f'.repeat(64)]) {
    for (const { id: NetworkID } of networks) for (const method of ['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint']) await send({ method: `NetworkDriver.${method}`, body: JSON.stringify({ NetworkID, EndpointID }) });
  }
  await until('nothing is left of all that', async () => {
    // A release that follows a deleted endpoint is taken for that endpoint's; so an address is released as often as it was used.
    for (const { pool, prefix } of networks) for (let last = 0; last < 256; last += 1) await send({ method: 'IpamDriver.ReleaseAddress', body: JSON.stringify({ PoolID: pool, Address: `${prefix}.${last}` }) });
    const [expected, found] = [withoutEvents(before), withoutEvents(await holdings(host))];
    return expected === found || difference(expected, found);
  });
  await isWell(t);
});

function judgePlugin({ status, text, ms }: RawAnswer, isCutOff: boolean): string | undefined {
  if (isCutOff) return undefined;
  if (ms > soonMs) return 'it took long';
  if (status === undefined) return 'there was no answer';
  if (status >= 500) return `status ${status}`;
  try {
    const answer = JSON.parse(text) as { Err?: string; Error?: string } | null;
    return typeof answer === 'object' && answer !== null ? undefined : 'the answer is no object';
  } catch {
    return 'the answer is no JSON';
  }
}

t.test('REST', async (t) => {
  const document = JSON.parse(await host.rest('GET', '/openapi.json')) as OpenApi;
  const fuzz = new RestFuzz(random, document);
  const complaints = new Complaints();
  const statuses = new Map<number, number>();
  await many(restCalls, async () => {
    const { method, path, body } = fuzz.call();
    const answer = await sendRaw(`${runDirectory()}/netctl/netctl.sock`, requestHead(method, path.replace(/[\r\n ]/g, '%20'), body), body);
    statuses.set(answer.status ?? 0, (statuses.get(answer.status ?? 0) ?? 0) + 1);
    const what = judgeRest(method, answer);
    if (what !== undefined) complaints.add(what, `${method} ${path} ${body}`, answer);
  });
  t.comment(`answers by status: ${[...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`).join(', ')}`);
  t.ok((statuses.get(200) ?? 0) > restCalls / 20, 'many requests were fine');
  t.strictSame(Object.fromEntries(complaints.found), {}, 'each is answered soon, with a status that it may have and a reason');
  t.equal(daemon.pid, firstPid, 'netctld is the same process');
});

function judgeRest(method: string, { status, text, ms }: RawAnswer): string | undefined {
  if (ms > soonMs) return 'it took long';
  if (status === undefined) return 'there was no answer';
  if (![200, 400, 404, 409, 413, 414, 431, 503].includes(status)) return `status ${status}`;
  if (status !== 200 && method !== 'HEAD' && (text.trim() === '' || text.includes('\n    at '))) return 'a refusal without a sentence';
  return undefined;
}

t.test('the command line', async (t) => {
  const known = await Promise.all(nouns.map(async (noun) => ({ noun, commands: [await noun.load()].flat() })));
  const texts = ['default', 'fuzz1', 'web', '', 'ä b', '-', '--', '10.1.1.0/24', 'tier=web', '80:80:tcp', '99:99', 'x'.repeat(300), '../x', '1e9', 'a:b'];
  const word = (): string => random.pick(texts) ?? '';
  const wrong: string[] = [];
  const one = async (): Promise<void> => {
    const { noun, commands } = random.pick(known) ?? { noun: { name: '' }, commands: [] };
    const command = random.pick(commands);
    // These go on until they are ended.
    const flags = Object.entries<Flag>(command?.flags ?? {}).filter(([name]) => name !== 'follow' && name !== 'watch' && random.next() < 0.5);
    const given = flags.flatMap(([name, { kind, aliases }]) => [`--${random.pick([name, ...aliases]) ?? name}`, ...(kind === 'switch' || random.next() < 0.1 ? [] : [word()])]);
    const names = Array.from({ length: Math.floor(random.next() * 3) }, word);
    const words = [noun.name, ...(commands.length > 1 ? [command?.name ?? ''] : []), ...given, ...names].map((text) => (random.next() < 0.03 ? word() : text));
    const { exitCode, stdout, stderr } = await host.run('netctl', ...words);
    const isFine = exitCode >= 0 && exitCode <= 5 && !/ a bug|\n {4}at |TypeError|undefined/.test(stderr + (stdout.length > 5000 ? '' : stdout)) && (exitCode === 0 || stderr !== '');
    if (!isFine) wrong.push(`netctl ${JSON.stringify(words)} -> ${exitCode} ${stderr} ${stdout.slice(0, 200)}`);
  };
  await Promise.all([0, 1, 2].map(async (part) => {
    for (let count = part; count < commands; count += 3) await one();
  }));
  t.strictSame(wrong, [], 'each ends with a known exit code and a sentence');
});

t.test('afterwards all can be deleted, and all is well', async (t) => {
  const list = async (...words: string[]): Promise<string[]> => (await host.netctl(...words)).split('\n').filter(Boolean);
  for (const tenant of await list('tenant', 'ls', '-q')) {
    for (const service of await list('service', 'ls', '-q', '-t', tenant)) await host.netctl('service', 'rm', '-t', tenant, service);
    for (const network of await list('net', 'ls', '-q', '-t', tenant)) if (!network.startsWith('fuzz1')) await host.netctl('net', 'rm', '-t', tenant, network);
    if (tenant !== 'default') await host.netctl('tenant', 'rm', tenant);
  }
  if (!(await list('net', 'ls', '-q')).includes('fuzz1')) await host.netctl('net', 'create', 'fuzz1', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await isWell(t);
});

/** What happened is remembered, numbers are counted, neighbours come and go, and a few balancing chains wait for the next use: that is no left-over. */
function withoutEvents(text: string): string {
  return text.replace(/"events":\[.*?\](?=[,}])/g, '').replace(/\n\tchain balance_\d+_\d+ \{[^}]*\}\n/g, '').replace(/\n\tmap balancers \{[^]*?\n\t\}/g, '').split('\n').filter((line) => !/counter packets|STALE|REACHABLE|DELAY|PROBE|FAILED|INCOMPLETE/.test(line)).join('\n');
}

function difference(expected: string, found: string): string {
  const [before, after] = [expected.split('\n'), found.split('\n')];
  const only = (lines: string[], others: string[]): string => lines.filter((line) => !others.includes(line)).join('\n');
  return `more:\n${only(after, before)}\nless:\n${only(before, after)}\n${before.length} and ${after.length} lines`;
}
