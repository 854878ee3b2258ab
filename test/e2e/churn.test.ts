import t from 'tap';
import { DaemonProcess } from './support/daemon-process.js';
import { labHost, until, untilProviders } from './support/lab.js';

// Nine days' worth of changes in three minutes: 450,000 times a container becomes or ceases to be a provider of a
// service. A daemon that kept anything of each would show it.

const providersOfEach = 10;
const services = ['web1', 'web2', 'web3', 'web4', 'web5'];
/** So many that each tenth of them is long enough for the garbage collector to have gone through everything. */
const changes = 450_000;
const rounds = 10;
/** Each turn takes all providers of one version out of every service and puts those of the other in. */
const turnsOfRound = changes / rounds / services.length / (2 * providersOfEach);

const host = await labHost(t, 'churn');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
for (const version of ['1', '2']) {
  const run = `for n in $(seq ${providersOfEach}); do docker run -d --name v${version}-$n --net=blue --label=version=${version} alpine sleep 100000; done`;
  await host.ok('sh', '-c', run);
}
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

const daemon = new DaemonProcess(host);
const choose = (version: string): Promise<unknown> =>
  Promise.all(
    services.map((serviceName) =>
      host.rest('POST', `/api/v1/serviceLBs/default:${serviceName}/`, {
        ...{ tenantName: 'default', serviceName, networkName: 'blue' },
        ...{ ports: ['80:80:TCP'], selectors: [`version=${version}`] },
      }),
    ),
  );
const named = (version: string): string[] => Array.from({ length: providersOfEach }, (_, index) => `v${version}-${index + 1}`);

t.test('memory and files stay what they are', async (t) => {
  await choose('2');
  await untilProviders(host, 'web5', named('2'));
  const elements = (): Promise<number> => daemon.metric('netctl_router_changes_total{kind="element"}');
  const before = await elements();
  const resident: number[] = [];
  const files: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const samples: number[] = [];
    for (let turn = 0; turn < turnsOfRound; turn += 1) {
      await choose(turn % 2 === 0 ? '1' : '2');
      if (turn % 5 === 4) samples.push(daemon.residentBytes);
    }
    // What Docker says goes another way through the daemon than what users say.
    await host.docker('pause', 'v2-1');
    await untilProviders(host, 'web5', named('2').slice(1));
    await host.docker('unpause', 'v2-1');
    await untilProviders(host, 'web5', named('2'));
    // The least of a round is what is held; what lies above it waits for the garbage collector.
    resident.push(Math.min(...samples));
    files.push(daemon.openFiles);
  }
  // A provider that comes and one that goes are, together, one slot with other data at least.
  t.ok((await elements()) - before >= changes / 2, 'every change went to the kernel');
  // What was held when the first tenth was over: during it code is still compiled.
  const [, first = 0] = resident;
  const last = resident.at(-1) ?? Infinity;
  t.comment(`resident, MiB: ${resident.map((bytes) => Math.round(bytes / 1024 / 1024)).join(' ')}; files: ${files.join(' ')}`);
  t.ok(last <= first * 1.1, `resident memory grew by ${Math.round((last / first - 1) * 100)} % after the first tenth`);
  const half = resident[rounds / 2] ?? 0;
  t.ok(last <= half * 1.05, `and by ${Math.round((last / half - 1) * 100)} % after the first half`);
  t.ok((files.at(-1) ?? Infinity) <= (files[0] ?? 0) + 2, `open files: ${files.join(' ')}`);
});

t.test('and the kernel holds the providers that there are', async (t) => {
  await until('the slots are those of version 2', async () => {
    const table = await host.router('default', 'nft', '-j', 'list', 'map', 'ip', 'netctl', 'slots');
    const found = (table.match(/10\.1\.1\.\d+/g) ?? []).length;
    // The service IP and the provider in each of them.
    return found === 2 * services.length * providersOfEach || `${found} slots`;
  });
  t.equal((await host.service('web5')).Oper.numProviders, providersOfEach);
});
