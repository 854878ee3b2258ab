import type { Test } from 'tap';
import type { Host } from './lab.js';

/** While the store is away a container is refused in time, with the reason, and so is a change; what is known is told. */
export async function refusedInTime(t: Test, host: Host, reason: RegExp, limitMs: number): Promise<void> {
  const begun = performance.now();
  const { exitCode, stderr } = await host.run('docker', 'run', '--rm', '--net=blue', 'alpine', 'true');
  const ms = Math.round(performance.now() - begun);
  t.not(exitCode, 0);
  t.match(stderr, reason, `docker run on ${host.name} says why`);
  t.ok(ms < limitMs, `docker run on ${host.name} is refused after ${ms} ms`);
  const change = await host.run('netctl', 'tenant', 'create', 'nobody');
  t.not(change.exitCode, 0);
  t.match(change.stderr, reason, `netctl on ${host.name} says why`);
  t.match(await host.netctl('service', 'ls'), /web/, 'what is known is told');
}
