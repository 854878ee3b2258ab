import t from 'tap';
import { labHost } from './support/lab.js';
import { refusals } from './support/refusals.js';
import { ipv4World } from './support/world.js';

// What is refused over IPv4.

const host = await labHost(t, 'refuse');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await refusals(t, host, ipv4World);
