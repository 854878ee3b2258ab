import { type FSWatcher, existsSync, readFileSync, watch } from 'node:fs';

/** Where the one hierarchy of cgroup v2 is: beside those of v1, or alone. */
const hierarchies = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'];

interface Watched {
  readonly pid: number;
  readonly watcher: FSWatcher;
}

/**
 * Tells when the last process of a container has ended, as soon as the kernel knows: its cgroup is empty then, which
 * cgroup.events says (cgroup-v2 in the kernel's documentation). Where that is not to be seen, as on machines with cgroup v1 only, nothing is told: Docker's
 * events say the same later.
 */
export class ProcessEnds {
  private readonly watched = new Map<string, Watched>();

  /** @param ended the container's id, and the process that it was watched by. It is called once for each. */
  constructor(private readonly ended: (id: string, pid: number) => void) {}

  /** Of each container one process at most is watched by; undefined: it has none. */
  watch(id: string, pid: number | undefined): void {
    const before = this.watched.get(id);
    if (before?.pid === pid) return;
    before?.watcher.close();
    this.watched.delete(id);
    const file = pid === undefined ? undefined : eventsOf(id, pid);
    if (pid !== undefined && file !== undefined) this.begin(id, pid, file);
  }

  close(): void {
    for (const { watcher } of this.watched.values()) watcher.close();
    this.watched.clear();
  }

  private begin(id: string, pid: number, file: string): void {
    const look = (): void => {
      if (this.watched.get(id)?.pid !== pid || isPopulated(file)) return;
      // The entry stays, so that the same process is not watched by once more while Docker still says that it runs.
      this.watched.get(id)?.watcher.close();
      this.ended(id, pid);
    };
    try {
      // Whatever it is that the kernel cannot watch any more, Docker's events remain.
      const watcher = watch(file, { persistent: false }, look).on('error', () => watcher.close());
      this.watched.set(id, { pid, watcher });
    } catch {
      return;
    }
    look();
  }
}

/** The file of the cgroup that the process, and so the container, is in; undefined if there is none that is the container's own. */
function eventsOf(id: string, pid: number): string | undefined {
  try {
    const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
    if (!path.includes(id)) return undefined;
    return hierarchies.map((hierarchy) => `${hierarchy}${path}/cgroup.events`).find((file) => existsSync(file));
  } catch {
    // It has ended already, and Docker is about to say so.
    return undefined;
  }
}

/** Not, if the cgroup is gone. */
function isPopulated(file: string): boolean {
  try {
    return /^populated 1$/m.test(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}
