import '../support/throw-away-host.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { routerName } from '../../daemon/kernel/netns.js';
import { IpAddress } from '../../src/model/address.js';
import { planNat } from '../../src/nat/plan.js';
import { ServiceBed, tenant } from '../support/service-bed.js';
import { input, web } from '../unit/nat/scenario.js';
import { conntrackContract } from './conntrack.js';

const bed = new ServiceBed();
const { conntrack } = bed;
t.before(() => bed.start());
t.teardown(() => bed.stop());

t.test('KernelConntrack', async (t) => {
  await conntrackContract(t, {
    conntrack,
    tenant,
    make: async (requests) => {
      // The turns begin anew, so that the first client of each service meets a1.
      await bed.nftables.replace(tenant, planNat(input));
      for (const { clientPort, service, port } of requests) await bed.ask(['b9', 'udp', service, port, ''], clientPort);
    },
  });

  await t.test('TCP is listed too, with the protocol and ports of both ends', async (t) => {
    await conntrack.remove(tenant, await conntrack.list(tenant));
    await bed.nftables.replace(tenant, planNat(input));
    t.equal(await bed.open('b9', 1, web, 80), 'a1 10.2.0.9');
    const [flow, ...others] = await conntrack.list(tenant);
    t.same(others, []);
    t.match(flow, { protocol: 'tcp', service: { port: 80 }, provider: { port: 8080 } });
    t.equal(flow?.provider.address.toString(), '10.1.0.1');
  });

  await t.test('of what was not translated UDP is listed', async (t) => {
    await conntrack.remove(tenant, await conntrack.list(tenant));
    for (const [protocol, port] of [['tcp', 8080], ['udp', 5353]] as const) t.equal((await bed.ask(['a9', protocol, '10.1.0.1', port, ''])).word, 'a1 10.1.0.9');
    const [flow, ...others] = await conntrack.list(tenant);
    t.same(others, []);
    t.match(flow, { protocol: 'udp', service: { port: 5353 }, provider: { port: 5353 } });
    t.equal(flow?.service.address.toString(), '10.1.0.1');
    t.equal(flow?.provider.address.toString(), '10.1.0.1');
    if (flow) t.equal(await conntrack.remove(tenant, [flow]), 1);
    t.same(await conntrack.list(tenant), []);
  });

  await t.test('of thousands all are listed, and forgotten', async (t) => {
    await conntrack.remove(tenant, await conntrack.list(tenant));
    const lines = Array.from({ length: 2500 }, (_, index) => `-I -p udp -s 10.9.0.1 -d 10.9.0.${index % 2 === 0 ? 2 : 3} --sport ${1000 + index} --dport 53 -t 60\n`);
    const file = join(t.testdir(), 'flows');
    writeFileSync(file, lines.join(''));
    await execa('ip', ['netns', 'exec', routerName(tenant), 'conntrack', '--load-file', file]);
    const flows = await conntrack.list(tenant);
    t.equal(flows.length, 2500);
    const half = await conntrack.list(tenant, { providers: [IpAddress.parse('10.9.0.2')], services: [] });
    t.equal(half.length, 1250, 'those that lead to one');
    t.equal(await conntrack.remove(tenant, half), 1250);
    t.equal(await conntrack.remove(tenant, flows), 1250, 'those that are gone are not counted');
    t.same(await conntrack.list(tenant), []);
  });
});
