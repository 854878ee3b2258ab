import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Random } from '../../support/random.js';
import { ask, type Answer } from './unix-http.js';

const run = promisify(execFile);

/** The sockets of a lab host, as they are seen from here. */
export interface Sockets {
  readonly netctl: string;
  readonly docker: string;
}

/** How long an operation may take while netctld lives; what a crash left may be in its way until it is taken back. */
const patienceMs = 300_000;

type State = 'running' | 'exited';

/** An operation that may be cut short at any point, and is repeated until it has succeeded. Returns whether it has. */
interface Operation {
  readonly name: string;
  readonly run: () => Promise<Answer | undefined>;
  /** Statuses that say that it was done, now or before. */
  readonly done: readonly number[];
  /** Statuses that say that it cannot be done for now, and that nothing has changed. */
  readonly refused?: readonly number[];
  readonly then: () => void;
  /** What it takes away, if it is a container or the service. */
  readonly ends?: string;
}

/** The name of each tenant's service. */
export const serviceName = 'w';

/**
 * A user with a tenant of his own, who does one thing after another, chosen at random. What is cut short he does again; so it is
 * known at last what there must be.
 */
export class Lane {
  tenant = false;
  network = false;
  dockerNetwork = false;
  service = false;
  readonly containers = new Map<string, State>();
  /** How many operations succeeded, how many attempts did not. */
  done = 0;
  failed = 0;
  lastFailure = '';
  /** What the operation under way takes away: while nobody has been told, it may be there or not. */
  ending: string | undefined;
  private stopped = false;
  /** When the operation under way must have succeeded; unlimited while netctld is killed again and again. */
  private deadline = Infinity;
  private working: Promise<void> = Promise.resolve();

  constructor(
    readonly name: string,
    private readonly number: number,
    private readonly sockets: Sockets,
    private readonly random: Random,
    /** Without them networks and tenants come and go quickly. */
    private readonly withContainers: boolean,
  ) {}

  get app(): string {
    return `app-${this.name}`;
  }

  begin(): void {
    this.stopped = false;
    this.deadline = Infinity;
    this.working = this.work();
  }

  /** Resolves when the operation under way has succeeded, now that netctld lives. */
  async end(): Promise<void> {
    this.stopped = true;
    this.deadline = performance.now() + patienceMs;
    await this.working;
  }

  /** Deletes all that there is. */
  async tidy(): Promise<void> {
    this.deadline = performance.now() + patienceMs;
    for (const name of [...this.containers.keys()]) await this.repeat(this.remove(name), true);
    if (this.service) await this.repeat(this.deleteService(), true);
    if (this.network) await this.repeat(this.deleteNetwork(), true);
    if (this.dockerNetwork) await this.repeat(this.deleteDockerNetwork(), true);
    if (this.tenant) await this.repeat(this.deleteTenant(), true);
  }

  private async work(): Promise<void> {
    while (!this.stopped) {
      const operation = this.random.pick(this.possible());
      if (!operation) continue;
      this.ending = operation.ends;
      await this.repeat(operation);
      this.ending = undefined;
    }
  }

  /** @param insist also on what is refused: a network with what a crash left of an endpoint, which is taken back after a while. */
  private async repeat(operation: Operation, insist = false): Promise<void> {
    for (;;) {
      const answer = await operation.run().catch((error: unknown) => ({ status: 0, text: String(error) }));
      if (answer === undefined || operation.done.includes(answer.status)) break;
      if (!insist && operation.refused?.includes(answer.status)) return;
      this.failed++;
      this.lastFailure = `${this.name} ${operation.name}: ${answer.status} ${answer.text.trim()}`;
      if (performance.now() > this.deadline) throw new Error(`it does not succeed: ${this.lastFailure}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    operation.then();
    this.done++;
  }

  private possible(): Operation[] {
    if (!this.tenant) return [this.createTenant()];
    const names = this.withContainers ? ['one', 'two'].map((word) => `${this.name}-${word}`) : [];
    const running = names.filter((name) => this.containers.get(name) === 'running');
    return [
      ...(this.network ? [] : [this.createNetwork()]),
      ...(this.dockerNetwork ? [this.deleteDockerNetwork()] : [this.createDockerNetwork()]),
      ...(this.network && !this.service ? [this.createService()] : []),
      ...(this.service ? [this.createService(), this.deleteService()] : []),
      ...(this.network ? names.filter((name) => !this.containers.has(name)).flatMap((name) => [this.start(name), this.start(name)]) : []),
      ...running.flatMap((name) => [this.halt(name, 'kill'), this.halt(name, 'stop?t=0'), ...(this.service ? [this.speak(name), this.speak(name)] : [])]),
      ...[...this.containers].flatMap(([name, state]) => [this.remove(name), ...(state === 'exited' ? [this.start(name)] : [])]),
      ...(this.network && !this.service && this.containers.size === 0 ? [this.deleteNetwork(), this.deleteNetwork()] : []),
      ...(this.network || this.dockerNetwork ? [] : [this.deleteTenant(), this.deleteTenant()]),
    ];
  }

  private createTenant(): Operation {
    return this.rest('create tenant', 'POST', `tenants/${this.name}/`, { tenantName: this.name }, [200], () => (this.tenant = true));
  }

  private deleteTenant(): Operation {
    return this.rest('delete tenant', 'DELETE', `tenants/${this.name}/`, undefined, [200, 404], () => (this.tenant = false));
  }

  private createNetwork(): Operation {
    const body = { tenantName: this.name, networkName: 'n', subnet: `10.${this.number}.1.0/24`, gateway: `10.${this.number}.1.254` };
    return this.rest('create network', 'POST', `networks/${this.name}:n/`, body, [200], () => (this.network = true));
  }

  private deleteNetwork(): Operation {
    return { ...this.rest('delete network', 'DELETE', `networks/${this.name}:n/`, undefined, [200, 404], () => (this.network = false)), refused: [409] };
  }

  private get servicePath(): string {
    return `serviceLBs/${this.name}:${serviceName}/`;
  }

  private createService(): Operation {
    const targetPort = this.random.pick([80, 81]) ?? 80;
    const body = { tenantName: this.name, serviceName, networkName: 'n', ports: [`80:${targetPort}:TCP`, '53:53:UDP'], selectors: [`app=${this.app}`] };
    return this.rest('create service', 'POST', this.servicePath, body, [200], () => (this.service = true));
  }

  private deleteService(): Operation {
    return { ...this.rest('delete service', 'DELETE', this.servicePath, undefined, [200, 404], () => (this.service = false)), ends: serviceName };
  }

  private get dockerNetworkName(): string {
    return `d-${this.name}`;
  }

  private createDockerNetwork(): Operation {
    const subnet = `10.${this.number}.2.0/24`;
    const body = { Name: this.dockerNetworkName, CheckDuplicate: true, Driver: 'netctl', Options: { tenant: this.name }, IPAM: { Driver: 'netctl', Config: [{ Subnet: subnet }] } };
    // 409: Docker has it already.
    return this.docker('docker network create', 'POST', '/networks/create', body, [201, 409], () => (this.dockerNetwork = true));
  }

  private deleteDockerNetwork(): Operation {
    return this.docker('docker network rm', 'DELETE', `/networks/${this.dockerNetworkName}`, undefined, [204, 404], () => (this.dockerNetwork = false));
  }

  private start(name: string): Operation {
    const port = 20_000 + this.number * 10 + (name.endsWith('one') ? 1 : 2);
    const body = {
      Image: 'alpine',
      Cmd: ['sh', '-c', "trap 'exit 0' TERM; sleep 100000 & wait"],
      Labels: { app: this.app },
      HostConfig: { NetworkMode: `n/${this.name}`, PortBindings: { '80/tcp': [{ HostPort: String(port) }] } },
      ExposedPorts: { '80/tcp': {} },
    };
    return {
      name: `docker run ${name}`,
      done: [204, 304],
      then: () => this.containers.set(name, 'running'),
      run: async () => {
        const created = await ask(this.sockets.docker, 'POST', `/containers/create?name=${name}`, body);
        return created.status === 201 || created.status === 409 ? ask(this.sockets.docker, 'POST', `/containers/${name}/start`) : created;
      },
    };
  }

  private halt(name: string, how: string): Operation {
    // 409: kill says that it does not run.
    const operation = { ...this.docker(`docker ${how} ${name}`, 'POST', `/containers/${name}/${how}`, undefined, [204, 304, 409], () => this.containers.set(name, 'exited')), ends: name };
    // So that there is something to be forgotten when it ends.
    return this.service ? { ...operation, run: () => this.speakFrom(name).then(operation.run) } : operation;
  }

  private remove(name: string): Operation {
    return { ...this.docker(`docker rm ${name}`, 'DELETE', `/containers/${name}?force=1`, undefined, [204, 404], () => this.containers.delete(name)), ends: name };
  }

  private speak(name: string): Operation {
    return { name: `speak from ${name}`, done: [], then: () => undefined, run: () => this.speakFrom(name) };
  }

  /** A datagram for each provider that the service may have: the kernel remembers to which one each went. Whether anybody answers does not matter. */
  private async speakFrom(name: string): Promise<undefined> {
    const [container, service] = await Promise.all([
      ask(this.sockets.docker, 'GET', `/containers/${name}/json`),
      ask(this.sockets.netctl, 'GET', `/api/v1/inspect/${this.servicePath}`),
    ]).catch(() => []);
    if (container?.status !== 200 || service?.status !== 200) return;
    const { State } = JSON.parse(container.text) as { State: { Pid: number } };
    const { Oper } = JSON.parse(service.text) as { Oper: { serviceVip: string } };
    const script = `for one in 1 2; do echo hello >/dev/udp/${Oper.serviceVip}/53; done`;
    await run('nsenter', [`--net=/proc/${State.Pid}/ns/net`, 'bash', '-c', script]).catch(() => undefined);
  }

  private rest(name: string, method: string, path: string, body: unknown, done: readonly number[], then: () => void): Operation {
    return { name, done, then, run: () => ask(this.sockets.netctl, method, `/api/v1/${path}`, body) };
  }

  private docker(name: string, method: string, path: string, body: unknown, done: readonly number[], then: () => void): Operation {
    return { name, done, then, run: () => ask(this.sockets.docker, method, path, body) };
  }
}
