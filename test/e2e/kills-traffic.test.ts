import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { labHost } from './support/lab.js';
import { NetctldProcess } from './support/netctld-process.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';
import { readFileSync } from 'node:fs';

// netctld dies and comes back twenty times; a thousand connections and all new ones go on as if nothing had happened.

const connectionCount = 1000;
const newPerSecond = 200;
const killCount = 20;
const serviceIp = '100.1.1.9';
const providers = ['p1', 'p2', 'p3', 'p4'];

const host = await labHost(t, 'killstraffic');
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'n', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.netctl('service', 'create', 'web', '--network', 'services', '--selector=tier=web', '-ip', serviceIp, '--port', '8080:80:tcp', '--port', '8081:81:tcp');
for (const name of [...providers, 'client']) await runClient(host, name, 'n', ...(name === 'client' ? [] : ['--label', 'tier=web']));
for (const name of providers) {
  const server = await Traffic.from(t, host, name);
  await server.greet(80, name, false);
  await server.greet(81, name, true);
}
const client = await Traffic.from(t, host, 'client');
await host.daemon('kill', 'netctld');
const root = `/proc/${readFileSync(`/run/netctl-lab/${host.labName}/${host.name}/pid`, 'utf8').trim()}/root`;
let daemon = NetctldProcess.launch(host, root, []);
t.teardown(() => daemon.kill());
await daemon.answers();

t.test(`${connectionCount} open connections and ${newPerSecond} new ones a second, through ${killCount} kills`, async (t) => {
  t.setTimeout(240_000);
  const connections = await Promise.all(Array.from({ length: connectionCount }, () => client.hold(serviceIp, 8081)));
  const end = await client.load(serviceIp, 8080, newPerSecond);
  for (let kill = 0; kill < killCount; kill++) {
    await daemon.kill();
    daemon = NetctldProcess.launch(host, root, []);
    t.ok(await daemon.answers(), `it is back after kill ${kill + 1}`);
    // Long enough for it to have begun to work on what it found, and not always for it to have ended.
    await setTimeout(kill * 20);
  }
  const attempts = await end();
  const counts = answers(attempts);
  t.same(Object.keys(counts).sort(), providers, `none of ${attempts.length} new connections was refused or lost: ${JSON.stringify(counts)}`);
  const shares = Object.values(counts);
  t.ok(Math.max(...shares) - Math.min(...shares) <= 1, 'they were shared evenly all the time');
  const said = await Promise.all(connections.map((connection, index) => connection.say(`line ${index}`).catch((error: unknown) => String(error))));
  t.same(said.filter((line, index) => line !== `line ${index}`), [], `all ${connectionCount} connections still answer`);
  t.comment(`${attempts.length} new connections; the slowest took ${Math.round(Math.max(...attempts.map(({ ms }) => ms)))} ms`);
});
