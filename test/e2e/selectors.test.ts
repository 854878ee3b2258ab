import t, { type Test } from 'tap';
import type { ServiceExplanation } from '../../src/wire/objects.js';
import { holdings } from './support/holdings.js';
import { labHost, untilProviders } from './support/lab.js';
import { runClient, runServer, servicePorts } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Which containers a service selects by their labels, whatever came first, and what a change of the selector does.

const host = await labHost(t, 'sel');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');

async function createService(name: string, selectors: readonly string[], ...more: string[]): Promise<string> {
  return host.netctl('service', 'create', name, '-s', 'services', ...selectors.flatMap((term) => ['-l', term]), '-p', '80:80:tcp', ...more);
}

/** A container with these labels; what its process does is of no interest. */
async function run(name: string, labels: readonly string[], network = 'blue'): Promise<void> {
  await runClient(host, name, network, ...labels.map((label) => `--label=${label}`));
}

/** Why each container is, or is not, a provider. */
async function reasons(service: string): Promise<Record<string, string>> {
  const { containers } = JSON.parse(await host.netctl('service', 'explain', service, '-j')) as ServiceExplanation;
  return Object.fromEntries(containers.map(({ containerName, provider, reason }) => [containerName.replace(/^\//, ''), `${provider ? 'yes' : 'no'}: ${reason}`]));
}

async function remove(services: readonly string[], containers: readonly string[]): Promise<void> {
  await host.netctl('service', 'rm', ...services);
  await host.docker('rm', '-f', ...containers);
}

t.test('containers first, the service later', async (t) => {
  await run('first', ['tier=web', 'release=stable', 'version=1.0']);
  await run('other', ['tier=web', 'release=beta']);
  await createService('late', ['tier=web', 'release=stable']);
  await untilProviders(host, 'late', ['first']);
  t.strictSame(await reasons('late'), {
    first: 'yes: labels match, running, on network blue',
    other: 'no: label release is "beta", not "stable"',
  });
});

t.test('the service first, containers later', async () => {
  await run('second', ['release=stable', 'version=2.0', 'tier=web']);
  await untilProviders(host, 'late', ['first', 'second']);
});

t.test('another label takes another container of the same name', async (t) => {
  await host.docker('rm', '-f', 'second');
  await untilProviders(host, 'late', ['first']);
  await run('second', ['release=old', 'tier=web']);
  t.strictSame((await reasons('late'))['second'], 'no: label release is "old", not "stable"');
  await host.docker('rm', '-f', 'second');
  await run('second', ['release=stable', 'tier=web']);
  await untilProviders(host, 'late', ['first', 'second']);
  await remove(['late'], ['first', 'second', 'other']);
});

t.test('an empty value is a value', async (t) => {
  await run('bare', ['set=empty']);
  await run('stray', ['set=empty', 'foo=']);
  await run('valued', ['set=empty', 'tier=web']);
  await run('empty', ['set=empty', 'tier=']);
  await createService('both', ['set=empty', 'tier=web']);
  await untilProviders(host, 'both', ['valued']);
  await createService('none', ['set=empty', 'tier=']);
  await untilProviders(host, 'none', ['empty']);
  t.strictSame(await reasons('none'), {
    bare: 'no: label tier is missing',
    stray: 'no: label tier is missing',
    valued: 'no: label tier is "web", not ""',
    empty: 'yes: labels match, running, on network blue',
  });
  await remove(['both', 'none'], ['bare', 'stray', 'valued', 'empty']);
});

const operators: readonly (readonly [term: string, selected: readonly string[]])[] = [
  ['env=a', ['with-a']],
  ['env==a', ['with-a']],
  ['env=', ['with-empty']],
  ['env!=a', ['with-b', 'with-empty', 'without']],
  ['env in (a,b)', ['with-a', 'with-b']],
  ['env in (b, c)', ['with-b']],
  ['env in (a,)', ['with-a', 'with-empty']],
  ['env notin (a)', ['with-b', 'with-empty', 'without']],
  ['env notin (a,b)', ['with-empty', 'without']],
  ['env', ['with-a', 'with-b', 'with-empty']],
  ['!env', ['without']],
];

t.test('each operator', async (t) => {
  const labels = { 'with-a': ['env=a'], 'with-b': ['env=b'], 'with-empty': ['env='], without: [] };
  for (const [name, own] of Object.entries(labels)) await run(name, ['set=operators', ...own]);
  for (const [term, selected] of operators) {
    await createService('operator', ['set=operators', term]);
    await untilProviders(host, 'operator', selected);
    const { Config } = await host.service('operator');
    t.match(Config.selectors, { length: 2 }, `${term} selects ${selected.join(', ')}`);
  }
  await createService('operator', ['set=operators', 'env=a', '!env']);
  await untilProviders(host, 'operator', []);
  await remove(['operator'], Object.keys(labels));
});

t.test('another tenant’s containers never match', async (t) => {
  await host.netctl('tenant', 'create', 'red');
  await host.netctl('net', 'create', 'blue', '-t', 'red', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  await run('stranger', ['tier=web'], 'blue/red');
  await createService('mine', ['tier=web']);
  await run('own', ['tier=web']);
  await untilProviders(host, 'mine', ['own']);
  t.strictSame(Object.keys(await reasons('mine')), ['own'], 'nor are they explained');
  await host.docker('rm', '-f', 'stranger');
  await run('stranger', ['tier=web'], 'blue/red');
  await run('outsider', ['tier=web'], 'bridge');
  await run('sibling', ['tier=web']);
  await untilProviders(host, 'mine', ['own', 'sibling']);
  await remove(['mine'], ['own', 'sibling', 'stranger', 'outsider']);
});

t.test('every "no" has a reason', async (t) => {
  await createService('web', ['tier=web']);
  await run('runs', ['tier=web']);
  await run('sleeps', ['tier=web']);
  await run('ended', ['tier=web']);
  await run('differs', ['tier=db']);
  await host.docker('create', '--name', 'waits', '--net', 'blue', '-l', 'tier=web', 'alpine');
  await host.docker('pause', 'sleeps');
  await host.docker('kill', 'ended');
  await untilProviders(host, 'web', ['runs']);
  t.strictSame(await reasons('web'), {
    runs: 'yes: labels match, running, on network blue',
    sleeps: 'no: is paused',
    ended: 'no: is not running: it has exited',
    differs: 'no: label tier is "db", not "web"',
    waits: 'no: is not running: it was created and never started',
  });
  const table = await host.netctl('service', 'explain', 'web');
  t.match(table, /^sleeps .* no .* is paused$/m, 'as a table, too');
  await host.docker('unpause', 'sleeps');
  await remove(['web'], ['runs', 'sleeps', 'ended', 'differs', 'waits']);
});

async function createWeb(selectors: readonly string[], ports: readonly string[] = servicePorts, network = 'services', ...more: string[]): Promise<string> {
  return host.netctl('service', 'create', 'web', '-s', network, ...selectors.flatMap((term) => ['-l', term]), ...ports, ...more);
}

t.test('a changed service', async (t) => {
  await runServer(host, 'stays', { network: 'blue', labels: ['tier=web', 'release=new'] });
  await runServer(host, 'leaves', { network: 'blue', labels: ['tier=web', 'release=old'] });
  await runClient(host, 'client', 'blue');
  await createWeb(['tier=web']);
  await untilProviders(host, 'web', ['stays', 'leaves']);
  const ip = (await host.service('web')).Oper.serviceVip;
  const traffic = await Traffic.from(t, host, 'client');
  const greeted = [await traffic.hold(ip, 8081), await traffic.hold(ip, 8081)];
  const open = greeted.find(({ greeting }) => greeting.startsWith('stays '));
  if (!open) throw new Error(`neither connection is with the provider that stays: ${greeted.map(({ greeting }) => greeting).join(', ')}`);

  const lives = async (t: Test, after: string): Promise<void> => {
    t.equal(await open.say(after), after, `the open connection lives after ${after}`);
  };

  await t.test('created again with the same words, nothing changes', async (t) => {
    const before = await holdings(host);
    t.match(await createWeb(['tier=web']), 'Nothing to do: ServiceLB default:web exists already and is the same');
    t.equal(await holdings(host), before);
    await lives(t, 'the same again');
  });

  await t.test('other selectors', async (t) => {
    t.match(await createWeb(['tier=web', 'release=new']), 'Updating ServiceLB default:web');
    await untilProviders(host, 'web', ['stays']);
    t.strictSame(answers(await traffic.connect(ip, 8080, 20)), { stays: 20 }, 'new connections go to who is selected now');
    await lives(t, 'new selectors');
    await createWeb(['tier=web']);
    await untilProviders(host, 'web', ['stays', 'leaves']);
    t.strictSame(answers(await traffic.connect(ip, 8080, 20)), { stays: 10, leaves: 10 });
    await lives(t, 'the old selectors again');
  });

  await t.test('other ports', async (t) => {
    await createWeb(['tier=web'], ['--port', '9090:80:tcp', '--port', '8081:81:tcp']);
    t.strictSame(answers(await traffic.connect(ip, 9090, 20)), { stays: 10, leaves: 10 }, 'the new port');
    t.strictSame(answers(await traffic.connect(ip, 8080, 5)), { ECONNREFUSED: 5 }, 'the old one');
    await lives(t, 'new ports');
    await createWeb(['tier=web'], ['--port', '9090:80:tcp']);
    await lives(t, 'its own port went');
  });

  await t.test('another network or address is refused, and changes nothing', async (t) => {
    const before = await holdings(host);
    for (const [network, more, reason] of [
      ['blue', [], /service web has its address from network services: the network of a service cannot change/],
      ['services', ['-ip', '100.1.1.77'], /service web has the address 100\.1\.1\.\d+: the address of a service cannot change/],
    ] as const) {
      const { exitCode, stderr } = await host.run('netctl', 'service', 'create', 'web', '-s', network, '-l', 'tier=web', '-p', '9090:80:tcp', ...more);
      t.equal(exitCode, 3);
      t.match(stderr, reason);
    }
    t.equal(await holdings(host), before);
    await lives(t, 'the refusals');
  });
});
