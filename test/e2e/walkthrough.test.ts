import t, { type Test } from 'tap';
import { labHost, until } from './support/lab.js';
import { untilListening } from './support/listener.js';
import { Terminal } from './support/terminal.js';
import { answers, Traffic } from './support/traffic.js';

// The walk-through of Contiv's page on services, typed as it stands there. Then its connections are counted.

const host = await labHost(t, 'walk');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

const shell = (line: string): Promise<string> => host.ok('sh', '-c', line);

const runProvider =
  'docker run -itd --net=contiv-net --label=tier=web --label=release=stable --label=environment=prod --label=version=1.0 alpine sh';

/** The short ids of the four providers, which are their host names. */
const providers: string[] = [];
let serviceIp = '';
let client = '';
let traffic: Traffic;

t.test('the service and its network', async (t) => {
  t.equal(await shell('netctl net create contiv-srv-net -s 100.1.1.0/24'), 'Creating network default:contiv-srv-net');
  const created = await shell(
    'netctl service create app-svc --network contiv-srv-net --tenant default --selector=tier=web --selector=release=stable --selector=environment=prod --port 8080:80:TCP',
  );
  t.match(created, /^Creating ServiceLB default:app-svc$/m);
  serviceIp = /^Service IP: (.*)$/m.exec(created)?.[1] ?? '';
  t.equal(serviceIp, '100.1.1.1', 'the lowest free address');
  t.equal((await host.service('app-svc')).Oper.serviceVip, serviceIp, 'as inspect has it');
});

t.test('four providers, with a label more than the selector names', async (t) => {
  await shell('netctl net create contiv-net -s 10.1.1.0/24 -g 10.1.1.254');
  for (let count = 0; count < 4; count++) {
    const id = await shell(runProvider);
    t.match(id, /^[0-9a-f]{64}$/, 'docker run prints the id');
    providers.push(id.slice(0, 12));
  }
  await until('all four are providers', async () => {
    const { numProviders } = (await host.service('app-svc')).Oper;
    return numProviders === 4 || `${numProviders}`;
  });
});

t.test('nc in each provider, and nc from the client', async (t) => {
  for (const provider of providers) {
    Terminal.open(t, host, provider).type('nc -l -p 80 &');
    await untilListening(host, provider, 80);
  }
  await shell('netctl net create client-net -s 11.1.1.0/24 -g 11.1.1.254');
  client = await shell('docker run -itd --net=client-net  alpine sh');
  const terminal = Terminal.open(t, host, client);
  const probe = `nc -znvw 1 ${serviceIp} 8080`;
  for (let count = 0; count < 4; count++) t.match(await terminal.answer(probe, /succeeded|refused|timed out/), 'succeeded', probe);
  // Each nc takes one connection and closes its port: all four have had theirs.
  t.match(await terminal.answer(probe, /succeeded|refused|timed out/), 'refused', 'the fifth finds none of the four listening');
});

t.test('400 connections', async (t) => {
  for (const provider of providers) await serve(provider);
  traffic = await Traffic.from(t, host, client);
  await countEach(t, 100, () => traffic.connect(serviceIp, 8080, 400));
});

t.test('two clients at once share one turn', async (t) => {
  const second = await shell('docker run -itd --net=client-net  alpine sh');
  const clients = [await Traffic.from(t, host, client), await Traffic.from(t, host, second)];
  await countEach(t, 100, async () => (await Promise.all(clients.map((one) => one.connect(serviceIp, 8080, 200)))).flat());
});

t.test('two services with as many providers, called in turns', async (t) => {
  await shell('netctl service create beta-svc --network contiv-srv-net --selector=release=beta --port 8080:80:TCP');
  const others: string[] = [];
  for (let count = 0; count < 4; count++) {
    const id = await shell('docker run -itd --net=contiv-net --label=release=beta alpine sh');
    others.push(id.slice(0, 12));
    await serve(id.slice(0, 12));
  }
  await until('all four are providers', async () => (await host.service('beta-svc')).Oper.numProviders === 4 || 'fewer');
  const otherIp = (await host.service('beta-svc')).Oper.serviceVip;
  const calls = await Traffic.from(t, host, client);
  const [first, second] = [[], []] as [Attempts, Attempts];
  for (let count = 0; count < 200; count++) {
    first.push(...(await calls.connect(serviceIp, 8080, 1)));
    second.push(...(await calls.connect(otherIp, 8080, 1)));
  }
  t.strictSame(answers(first), each(providers, 50), 'the first service');
  t.strictSame(answers(second), each(others, 50), 'the second service');
});

type Attempts = Awaited<ReturnType<Traffic['connect']>>;

function each(names: readonly string[], count: number): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, count]));
}

/** In place of nc, which serves once: whoever connects is told the host name. */
async function serve(container: string): Promise<void> {
  await host.docker('exec', '-d', container, 'socat', 'TCP-LISTEN:80,fork,reuseaddr,backlog=512', 'OPEN:/etc/hostname,rdonly!!OPEN:/dev/null,wronly');
  await untilListening(host, container, 80);
}

async function countEach(t: Test, count: number, connect: () => Promise<Attempts>): Promise<void> {
  t.strictSame(answers(await connect()), each(providers, count), `${count} for each of the four, and none lost`);
}
