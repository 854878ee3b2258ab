import t, { type Test } from 'tap';
import { openEtcdStore } from '../../daemon/store/etcd.js';
import { IpAddress } from '../../src/model/address.js';
import { NetctlError } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { decodeStored } from '../../src/model/stored.js';
import { startEtcd } from '../support/etcd.js';
import { networkRequest } from '../unit/control/bed.js';
import { allPresent, ClusterHost } from '../unit/control/cluster.js';

// Hosts whose state is in a real etcd, each with a connection of its own. Docker and kernels are in memory.

const poolId = 'default/n1/v4';

t.setTimeout(120_000);
const [member] = await startEtcd(t);
const endpoint = member?.endpoint ?? '';

/** Three hosts that start at the same time on an empty state. */
async function started(t: Test, prefix: string): Promise<ClusterHost[]> {
  const hosts = await Promise.all(
    [1, 2, 3].map(async (number) => {
      const store = await openEtcdStore({ endpoints: [endpoint] }, { prefix });
      const host = new ClusterHost(number, store);
      t.teardown(async () => {
        await host.stop();
        await store.close();
      });
      return host;
    }),
  );
  await Promise.all(hosts.map((host) => host.start()));
  await allPresent(hosts);
  return hosts;
}

const total = (hosts: readonly ClusterHost[], outcome: 'committed' | 'refused'): number => hosts.reduce((sum, { connection }) => sum + connection.outcomes[outcome], 0);

/** On a busy machine so many wait for their turn for seconds, and are refused. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof NetctlError && error.code === 'unavailable')) throw error;
    }
  }
}

t.test('three hosts start at once, then each allocates and releases 100 addresses at once', async (t) => {
  const hosts = await started(t, 'storm/');
  const [first] = hosts;
  if (!first) throw new Error('there are three hosts');
  t.ok(total(hosts, 'refused') <= 6, `they came ${total(hosts, 'refused')} times too late at the start`);
  for (const host of hosts) t.same(host.errors, [], `${host.host} logged no error`);
  await first.control.createNetwork(networkRequest('default', 'n1', '10.1.0.0/20'));
  for (const { connection } of hosts) Object.assign(connection.outcomes, { committed: 0, refused: 0 });
  const begun = performance.now();
  const takeAndRelease = async ({ control: { pluginAddresses } }: ClusterHost): Promise<string> => {
    const { address } = await persistently(() => pluginAddresses.requestAddress({ poolId, purpose: 'endpoint' }));
    await persistently(() => pluginAddresses.releaseAddress(poolId, address));
    return address.toString();
  };
  const taken = await Promise.all(hosts.flatMap((host) => Array.from({ length: 100 }, () => takeAndRelease(host))));
  t.comment(`${total(hosts, 'committed')} transactions, and ${total(hosts, 'refused')} that came too late, in ${(performance.now() - begun).toFixed(0)} ms`);
  t.equal(new Set(taken).size, 300, 'no address twice, as those that were released rest');
  // If all of them want the lowest it is some 500, and more than 150 with pauses.
  t.ok(total(hosts, 'refused') < 100, `${total(hosts, 'refused')} came too late`);
  const { entries } = await first.everybodys.list(keys.allocationsOf('default', 'n1'));
  t.same([...new Set(entries.map(({ value }) => decodeStored.allocation(value).owner.kind))], ['resting'], 'none is held any more');
});

t.test('a network goes with 3000 addresses that rest', async (t) => {
  const hosts = await started(t, 'rest/');
  const [first, second] = hosts;
  if (!first || !second) throw new Error('there are three hosts');
  await first.control.createNetwork(networkRequest('default', 'n1', '10.1.0.0/16'));
  const rest = (address: string) => ({ key: keys.allocation('default', 'n1', IpAddress.parse(address)), put: { v: 1, tenant: 'default', network: 'n1', address, owner: { kind: 'resting' }, since: 0 } });
  for (const block of [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]) {
    await first.everybodys.transact({ conditions: [], operations: block.flatMap((third) => Array.from({ length: 250 }, (_, i) => rest(`10.1.${third}.${i}`))) });
  }
  const begun = performance.now();
  await second.control.deleteNetwork('default', 'n1');
  t.comment(`in ${(performance.now() - begun).toFixed(0)} ms`);
  for (const prefix of [keys.allocations, keys.networks, keys.vnis, keys.bindings]) t.same((await first.everybodys.list(prefix)).entries, [], prefix);
  for (const { docker, host } of hosts) t.equal(docker.networks.size, 0, host);
});
