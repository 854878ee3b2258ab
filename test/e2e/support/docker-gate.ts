import { readFileSync, rmSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';
import type { Host } from './lab.js';

/** Where netctld finds Docker through the gate: its `--docker-socket`. */
export const gateSocket = '/run/docker-gate.sock';

/** Stands between netctld and Docker, and can be shut: then all connections break, and none can be made. */
export class DockerGate {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  private constructor(private readonly directory: string) {}

  /** Open from the beginning. */
  static async at(t: Test, host: Host): Promise<DockerGate> {
    const pid = readFileSync(`/run/netctl-lab/${host.labName}/${host.name}/pid`, 'utf8').trim();
    const gate = new DockerGate(`/proc/${pid}/root`);
    t.teardown(() => gate.shut());
    await gate.open();
    return gate;
  }

  async open(): Promise<void> {
    const path = `${this.directory}${gateSocket}`;
    rmSync(path, { force: true });
    const server = createServer((near) => this.join(near, connect(`${this.directory}/run/docker.sock`)));
    this.server = server;
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  }

  async shut(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private join(near: Socket, far: Socket): void {
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      this.sockets.add(socket);
      socket.once('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
      // The loss is seen by its end.
      socket.on('error', () => undefined);
    }
    near.pipe(far);
    far.pipe(near);
  }
}
