import { existsSync, readdirSync } from 'node:fs';
import { execa } from 'execa';
import t from 'tap';
import { root, tally } from './support/lab.js';

interface Ended {
  readonly exitCode: number | undefined;
  /** stdout and stderr, as a person would see them. */
  readonly text: string;
}

async function run(script: 'demo' | 'lab', labName: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const ended = await execa(`${root}/lab/${script}`, args, { reject: false, all: true, stdin: 'ignore', timeout: 300_000, env: { LAB_NAME: labName, ...env } });
  return { exitCode: ended.exitCode, text: ended.all };
}

/** Everything of a lab of this name that can be seen from outside. */
async function remains(labName: string): Promise<string[]> {
  const directories = [`/var/lib/netctl-lab/${labName}`, `/run/netctl-lab/${labName}`, `/run/netctl-lab/${labName}.lock`];
  const hierarchies = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
  const processes = (await execa('ps', ['-eo', 'args'])).stdout.split('\n').filter((line) => line.includes(`/${labName}/`));
  return [...[...directories, ...hierarchies.map((path) => `${path}/netctl-lab/${labName}`)].filter((path) => existsSync(path)), ...processes];
}

t.test('the walk-through, from an empty machine to an empty machine', async (t) => {
  const lab = `demo${process.pid}`;
  t.teardown(() => run('lab', lab, ['down']));
  const { exitCode, text } = await run('demo', lab, []);
  t.equal(exitCode, 0, 'every check holds', { demo: exitCode === 0 ? undefined : text });

  const counted = [...text.matchAll(/^ +(\d+) ([0-9a-f]{12}) (10\.1\.1\.\d)$/gm)].map(([, count, id, address]) => ({ count, id, address }));
  t.strictSame(counted.map(({ count }) => count), Array(7).fill('100'), 'four providers answer 100 of 400 connections each, three 100 of 300');
  const perProvider = tally(counted.map(({ id, address }) => `${id} ${address}`).join('\n'));
  t.strictSame(Object.values(perProvider).sort(), [1, 2, 2, 2], 'one of them the second time no longer');
  t.equal(text.match(/succeeded!/g)?.length, 5, 'each nc that must reach the service does');
  t.match(text, /^\$ netctl net create contiv-srv-net -s 100\.1\.1\.0\/24\nCreating network default:contiv-srv-net$/m, 'commands stand with their answers');
  t.notMatch(text, /FAILED/);
  t.notOk(text.includes('\u001b'), 'no colour where there is no terminal');
  t.strictSame(await remains(lab), [], 'nothing is left');
});

t.test('the same across three hosts', async (t) => {
  const lab = `demoh${process.pid}`;
  t.teardown(() => run('lab', lab, ['down']));
  const { exitCode, text } = await run('demo', lab, [], { HOSTS: '3' });
  t.equal(exitCode, 0, 'every check holds', { demo: exitCode === 0 ? undefined : text });

  const counted = [...text.matchAll(/^ +(\d+) (h\d) ([0-9a-f]{12}) sees (11\.1\.1\.\d)$/gm)].map(([, count, host, , client]) => `${count ?? ''} on ${host ?? ''} for ${client ?? ''}`);
  const two = (host: string, client: number): [string, number] => [`10 on ${host} for 11.1.1.${client}`, 2];
  // The client of h2 connects once more, with local providers preferred; that of h1 while h3 is cut off, and when it is back.
  const more = { '10 on h1 for 11.1.1.1': 6, '10 on h2 for 11.1.1.1': 6, '10 on h3 for 11.1.1.1': 4, '10 on h2 for 11.1.1.2': 4 };
  t.same(tally(counted.join('\n')), { ...Object.fromEntries(['h1', 'h2', 'h3'].flatMap((host) => [two(host, 2), two(host, 3)])), ...more }, 'ten connections for each provider, each time');
  t.match(text, /^h2\$ netctl service create app-svc .*\nCreating ServiceLB default:app-svc$/m, 'commands stand with their host and their answers');
  t.match(text, /^\$ lab\/lab partition h3$/m);
  t.notMatch(text, /FAILED/);
  t.strictSame(await remains(lab), [], 'nothing is left');
});

t.test('a number of hosts that there cannot be is refused', async (t) => {
  for (const hosts of ['0', '10', 'x']) t.match(await run('demo', `demox${process.pid}`, [], { HOSTS: hosts }), { exitCode: 1, text: `demo: HOSTS is a number from 1 to 9, not '${hosts}'` });
});

// A netctld that cannot reach Docker: it runs, and can make no network.
const broken = { LAB_NETCTLD_OPTS: '--docker-socket /run/nobody.sock' };

t.test('a failure is told, and nothing is left', async (t) => {
  const lab = `demof${process.pid}`;
  t.teardown(() => run('lab', lab, ['down']));
  const { exitCode, text } = await run('demo', lab, [], broken);
  t.equal(exitCode, 1);
  t.match(text, /\$ netctl net create .*\nnetctl: Docker does not answer at \/run\/nobody\.sock/, 'the command and its answer');
  t.match(text, /FAILED: the command succeeds\n {2}expected: exit code 0\n {2}found: {4}exit code 3/, 'what was expected and what was found');
  t.notMatch(text, /docker run/, 'nothing is tried afterwards');
  t.strictSame(await remains(lab), [], 'nothing is left');
});

t.test('with KEEP=1 the lab stays, and a lab that is there is left alone', async (t) => {
  const lab = `demok${process.pid}`;
  t.teardown(() => run('lab', lab, ['down']));
  const kept = await run('demo', lab, [], { ...broken, KEEP: '1' });
  t.equal(kept.exitCode, 1, 'a kept lab is no success');
  t.match(kept.text, new RegExp(`Enter it: +LAB_NAME=${lab} lab/lab exec h1 bash\\n +Remove it: +LAB_NAME=${lab} lab/lab down\\n*$`), 'the last lines say how to go on');
  t.match(await run('lab', lab, ['status']), { exitCode: 0 }, 'the lab is up');

  const again = await run('demo', lab, []);
  t.equal(again.exitCode, 1);
  t.match(again.text, new RegExp(`there is a lab "${lab}" already.*LAB_NAME=${lab} lab/lab down`), 'and says what to do');
  t.match(await run('lab', lab, ['status']), { exitCode: 0 }, 'the lab is still up');
});
