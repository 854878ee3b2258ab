import t from 'tap';
import { labHost, netctld, until } from './support/lab.js';

// A netctld with a state of its own knows none of the first one's routers. It must end before it touches them.

const host = await labHost(t, 'second');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.docker('run', '-d', '--name', 'one', '--net', 'blue', 'alpine', 'sleep', '600');
await host.docker('run', '-d', '--name', 'two', '--net', 'blue', 'alpine', 'sleep', '600');
const ping = async (): Promise<true | string> => {
  const { exitCode, stdout } = await host.inside('one', 'ping -c 1 -W 1 10.1.1.2');
  return exitCode === 0 || stdout;
};

t.test('a second netctld with a state and sockets of its own is refused, and nothing changes', async (t) => {
  await until('the containers reach each other', ping);
  const links = await host.router('default', 'ip', '-o', 'link');
  const second = await host.run('timeout', '20', ...netctld, '--state', '/run/second', '--socket', '/run/second.sock', '--plugin-socket', '/run/second-plugin.sock');
  t.equal(second.exitCode, 1);
  t.match(second.stderr, /^netctld: another netctld is running on this host /m, 'it says why');
  t.equal(await host.router('default', 'ip', '-o', 'link'), links, 'the router is as it was');
  t.equal(await ping(), true, 'the containers still reach each other');
});

t.test('the lock goes with the daemon, however it ends', async (t) => {
  await host.daemon('kill', 'netctld');
  await host.daemon('start', 'netctld');
  await host.daemon('restart', 'netctld');
  t.equal(await ping(), true);
});
