import { decodeStored } from '../../../src/model/stored.js';
import { keys } from '../../../src/model/keys.js';
import type { Allocation } from '../../../src/model/allocation.js';
import type { Entry } from '../../../daemon/store/port.js';
import { until } from '../../support/until.js';
import type { Ended, Host, Lab } from './lab.js';

/** Where netctld's entries are, by default. */
const dataPrefix = '/netctl/data/';

/** The etcd of a lab, spoken to by its own tools, on its hosts. */
export class LabEtcd {
  constructor(private readonly lab: Lab) {}

  /** etcd's command line, at the member on the host. */
  ctl(host: Host, ...args: string[]): Promise<string> {
    return host.ok('etcdctl', ...args);
  }

  /** The host whose member leads; waits until there is one. */
  async leader(): Promise<Host> {
    let leader: Host | undefined;
    await until('etcd has a leader', async () => {
      leader = await this.findLeader();
      return leader !== undefined;
    });
    if (!leader) throw new Error('etcd has no leader');
    return leader;
  }

  /** From now on the host's member leads. */
  async lead(host: Host): Promise<void> {
    const leader = await this.leader();
    if (leader === host) return;
    // Its address, its id, its version...
    const id = (await this.ctl(host, 'endpoint', 'status')).split(', ')[1] ?? '';
    await this.ctl(leader, 'move-leader', id);
  }

  /** Forgets all changes until now. */
  async compact(host: Host): Promise<void> {
    const { header } = JSON.parse(await this.ctl(host, 'get', 'nothing', '-w', 'json')) as { header: { revision: number } };
    await this.ctl(host, 'compact', '--physical', String(header.revision));
  }

  /** Writes until etcd takes no more; what it says then. */
  async fill(host: Host): Promise<string> {
    const script = 'n=0; while head -c 1000000 /dev/zero | tr "\\0" x | etcdctl put junk/$n >/dev/null; do n=$((n+1)); done';
    return (await host.run('sh', '-c', script)).stderr;
  }

  /** What an administrator does who was told that etcd is full. */
  async makeRoom(host: Host): Promise<void> {
    await this.ctl(host, 'del', '--prefix', 'junk/');
    await this.compact(host);
    for (const member of this.lab.hosts) await this.ctl(member, 'defrag');
    await this.ctl(host, 'alarm', 'disarm');
  }

  /** All that netctld has in it. */
  async entries(host: Host): Promise<Entry[]> {
    const { kvs = [] } = JSON.parse(await this.ctl(host, 'get', '--prefix', dataPrefix, '-w', 'json')) as { kvs?: { key: string; value: string; mod_revision: number }[] };
    return kvs.map(({ key, value, mod_revision }) => ({ key: text(key).slice(dataPrefix.length), value: JSON.parse(text(value)) as Entry['value'], revision: mod_revision }));
  }

  private async findLeader(): Promise<Host | undefined> {
    const leads = await Promise.all(this.lab.hosts.map((host) => saysThatItLeads(host)));
    // One that was stopped believes that it leads, and one that is cut off does so for a second.
    const candidates = this.lab.hosts.filter((_, index) => leads[index]);
    return candidates.length === 1 ? candidates[0] : undefined;
  }
}

/** Who holds which address, of the entries. */
export function allocationsIn(entries: readonly Entry[]): Allocation[] {
  return entries.filter(({ key }) => key.startsWith(keys.allocations)).map(({ value }) => decodeStored.allocation(value));
}

async function saysThatItLeads(host: Host): Promise<boolean> {
  const { stdout }: Ended = await host.run('curl', '-sf', '-m', '1', 'http://127.0.0.1:2379/metrics');
  return /^etcd_server_is_leader 1$/m.test(stdout);
}

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
