import { spawnSync } from 'node:child_process';

// Imported before tap, this runs the test file on a host of its own: a network namespace in which
// nothing is but loopback, and a mount namespace with an empty /run, so that the routers' names meet
// nobody else's. Both end with the process, however it ends; nothing is left to clean up.

const marker = 'NETCTL_TEST_HOST';
const prepare = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$0" "$@"';

if (process.env[marker] === undefined) process.exit(process.getuid?.() === 0 ? runOnHost() : withoutRoot());

function runOnHost(): number {
  const node = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const args = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--net', 'sh', '-c', prepare, ...node];
  return spawnSync('setpriv', args, { stdio: 'inherit', env: { ...process.env, [marker]: '1' } }).status ?? 1;
}

function withoutRoot(): number {
  console.log('TAP version 14\n1..0 # SKIP network namespaces need root');
  return process.env['CI'] === undefined ? 0 : 1;
}
