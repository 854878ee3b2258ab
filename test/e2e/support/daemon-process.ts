import { readdirSync, readFileSync } from 'node:fs';
import type { Host } from './lab.js';

/** What a daemon of a lab host uses, as the kernel tells it from outside the host. */
export class DaemonProcess {
  constructor(private readonly host: Host) {}

  /** It is another one after a restart. */
  get pid(): number {
    return Number(readFileSync(`/run/netctl-lab/${this.host.labName}/${this.host.name}/netctld.pid`, 'utf8'));
  }

  /** Resident memory, in bytes. */
  get residentBytes(): number {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes) * 1024;
  }

  get openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** The processor time that it and those of its children that have ended have used, in seconds. */
  get processorSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    // The fields behind the name, which is in brackets and may hold anything; utime to cstime are the 14th to the 17th (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 15).map(Number);
    // USER_HZ is 100 on every architecture that Node.js runs on.
    return fields.reduce((sum, ticks) => sum + ticks, 0) / 100;
  }

  /** The value of a metric with these labels, as Prometheus' text format has it: `name{label="value"}`. */
  async metric(series: string): Promise<number> {
    const text = await this.host.rest('GET', '/metrics');
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    if (line === undefined) throw new Error(`there is no metric ${series}`);
    return Number(line.slice(series.length + 1));
  }
}
