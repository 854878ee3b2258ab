#!/usr/bin/env node
import { messageOf, NetctlError } from '../src/model/errors.js';
import { createPluginServer } from '../plugin/server.js';
import { createApi } from './api/server.js';
import { readBuildInfo } from './build-info.js';
import { loadConfig, type Config } from './config.js';
import { Control } from './control/control.js';
import { openDocker } from './docker/client.js';
import { createDockerEngine } from './docker/engine.js';
import { watchContainers } from './docker/watch.js';
import { KernelConntrack } from './kernel/conntrack.js';
import { KernelFabric } from './kernel/fabric.js';
import { lockHost } from './kernel/host-lock.js';
import { KernelNftables } from './kernel/nftables.js';
import { KernelRouters } from './kernel/routers.js';
import { RtnetlinkSockets } from './kernel/rtnetlink-sockets.js';
import { createLogger, type Logger } from './log.js';
import { Metrics } from './metrics.js';
import { openLevelStore } from './store/level.js';
import { routerMetrics, sampleControl } from './control-metrics.js';
import { meteredStore } from './store/metered.js';

/** Something that was started, and how it is ended. Ended in the reverse order. */
type End = () => Promise<void>;

/** Constructs every adapter and wires them; nothing else does. */
async function start(config: Config, log: Logger): Promise<End[]> {
  const version = readBuildInfo();
  const metrics = new Metrics(version);
  metrics.collectProcess();
  const watcherFailed = (error: unknown): void => log.error({ event: 'watcher-failed', err: error }, 'a watcher of the store failed: a bug');
  const store = meteredStore(await openLevelStore(config.state, { report: watcherFailed }), metrics);
  const sockets = new RtnetlinkSockets();
  const docker = openDocker(config.dockerSocket);
  const control = new Control({
    store,
    docker: createDockerEngine(docker),
    kernel: {
      routers: new KernelRouters(sockets),
      fabric: new KernelFabric(sockets),
      nftables: new KernelNftables(),
      conntrack: new KernelConntrack(),
    },
    host: config.hostName,
    restMs: config.addressRest * 1000,
    verifyMs: config.verifyInterval * 1000,
    now: Date.now,
    log,
    metrics: routerMetrics(metrics),
  });
  sampleControl(metrics, control);
  const ends: End[] = [() => store.close(), () => sockets.close(), () => control.stop()];
  try {
    const lock = lockHost();
    // Given back last: another netctld may begin when nothing of this one goes on.
    ends.unshift(() => Promise.resolve(lock.release()));
    await control.start();
    const plugin = createPluginServer({ addresses: control.pluginAddresses, endpoints: control.pluginEndpoints, logger: log });
    ends.push(() => plugin.close(), () => control.leaveDocker());
    await plugin.listen(config.pluginSocket);
    const watch = watchContainers({ docker, listener: control.containerListener, logger: log });
    ends.push(() => watch.close());
    const api = await createApi({ operations: control, logger: log, metrics, version });
    // The API ends before the plugin: a network that is being made waits for Docker, and Docker for the plugin.
    ends.push(() => api.close());
    await api.listenUnix(config.socket);
    if (config.listen) await api.listenTcp(config.listen.host, config.listen.port);
    return ends;
  } catch (error) {
    await stop(ends, log);
    throw error;
  }
}

/** What the kernel holds stays: containers go on without the daemon. */
async function stop(ends: readonly End[], log: Logger): Promise<void> {
  for (const end of ends.toReversed()) {
    await end().catch((error: unknown) => log.error({ event: 'stop-failed', err: error }, 'a part did not end well'));
  }
}

async function main(): Promise<void> {
  const loaded = loadConfig(process.argv.slice(2), process.env, readBuildInfo().version);
  if ('print' in loaded) return void process.stdout.write(`${loaded.print}\n`);
  const { config } = loaded;
  const log = createLogger(config.logLevel);
  const ends = await start(config, log);
  log.info({ event: 'started', socket: config.socket, pluginSocket: config.pluginSocket, state: config.state }, 'netctld is up');
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve);
  });
  log.info({ event: 'stopping', signal }, 'netctld is going down; the kernel state stays');
  await stop(ends, log);
}

main().catch((error: unknown) => {
  // A refusal is for the person who started the daemon; anything else is a bug and needs its stack.
  const text = error instanceof NetctlError ? messageOf(error) : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`netctld: ${text ?? ''}\n`);
  process.exitCode = 1;
});
