import t from 'tap';
import { dataplane } from './support/dataplane.js';
import { labHost } from './support/lab.js';
import { ipv4World, Place } from './support/world.js';

// All that a service promises, over IPv4.

const host = await labHost(t, 'data');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await dataplane(t, host, ipv4World);

await t.test('a container has the links and routes of its networks, and no others', async (t) => {
  const place = new Place(host, ipv4World);
  const shown = async (name: string): Promise<{ links: string[]; routes: string[] }> => ({
    links: (await place.inside(name, `ls /sys/class/net | sort`)).stdout.split('\n'),
    routes: (await place.inside(name, `ip route | awk '{ print $1, $2, $3 }'`)).stdout.split('\n').sort(),
  });
  t.strictSame(await shown('service'), { links: ['eth0', 'lo'], routes: ['100.1.1.0/24 dev eth0'] }, 'without a gateway, no default route');
  t.strictSame(await shown('third'), { links: ['eth0', 'lo'], routes: ['11.1.1.0/24 dev eth0', 'default via 11.1.1.254'] }, 'with one');
});
