#!/usr/bin/env node
import { join } from 'node:path';
import { messageOf, NetctlError } from '../src/model/errors.js';
import { createPluginServer } from '../plugin/server.js';
import { createApi, type Api } from './api/server.js';
import { readTls, type TlsFiles } from './api/tls.js';
import { readBuildInfo } from './build-info.js';
import { loadConfig, type Config, type Task } from './config.js';
import { formatStoreAddress } from './config/store-address.js';
import { Control } from './control/control.js';
import type { SharedHost } from './control/hosts.js';
import { openDocker } from './docker/client.js';
import { createDockerEngine } from './docker/engine.js';
import { watchContainers } from './docker/watch.js';
import { KernelConntrack } from './kernel/conntrack.js';
import { forbidCoreDumps } from './kernel/core-dumps.js';
import { KernelFabric } from './kernel/fabric.js';
import { KernelHostNetwork } from './kernel/host.js';
import { KernelHostFlows } from './kernel/host-flows.js';
import { KernelHostPorts } from './kernel/host-ports.js';
import { HostCheckup } from './kernel/host-facts.js';
import { lockHost } from './kernel/host-lock.js';
import { KernelPinger } from './kernel/pinger.js';
import { NfnetlinkSockets } from './kernel/nfnetlink-sockets.js';
import { KernelNftables } from './kernel/nftables.js';
import { KernelRouters } from './kernel/routers.js';
import { KernelUnderlay } from './kernel/underlay.js';
import { KernelTunnels } from './kernel/wireguard.js';
import type { Tunnels, Underlay } from './kernel/port.js';
import { KernelSandboxes } from './kernel/sandboxes.js';
import { RtnetlinkSockets } from './kernel/rtnetlink-sockets.js';
import { readHostId } from './host-id.js';
import { createLogger, type Logger } from './log.js';
import { openStore, type StoreListener } from './open-store.js';
import { Metrics } from './metrics.js';
import { openNotifier, type Notifier } from './notify.js';
import type { Faults } from './faults.js';
import { copyState } from './store/copies.js';
import { isShared, type SharedStore, type Store } from './store/port.js';
import { Activity } from './activity.js';
import type { RouterMetrics } from './control/routers.js';
import { routerMetrics, sampleControl } from './control-metrics.js';
import { meteredStore } from './store/metered.js';
import { growYoungHeap, keepYoungHeap } from './young-heap.js';

/** Something that was started, and how it is ended. Ended in the reverse order. */
type End = () => Promise<void>;

/** Constructs every adapter and wires them; nothing else does. */
async function start(config: Config, log: Logger, notifier: Notifier): Promise<End[]> {
  const version = readBuildInfo();
  const tlsFiles = tlsFilesOf(config);
  // Looked at first: who gave the wrong files should hear of it before anything is begun.
  const tls = tlsFiles && readTls(tlsFiles);
  keepYoungHeap();
  notifier.status('reading the state');
  const metrics = new Metrics(version);
  metrics.collectProcess();
  const faults = await chosenFaults(log);
  const reach: Reach = { away: undefined };
  const opened = await openStore(config, storeListener(log, notifier, reach));
  const store = faults.around('store', meteredStore(opened, metrics));
  const [sockets, ruleSockets] = [new RtnetlinkSockets(), new NfnetlinkSockets()];
  const docker = openDocker(config.dockerSocket);
  const control = new Control({
    store,
    docker: faults.around('docker', createDockerEngine(docker)),
    kernel: faults.aroundKernel({
      routers: new KernelRouters(sockets, ruleSockets),
      fabric: new KernelFabric(sockets),
      sandboxes: new KernelSandboxes(sockets),
      nftables: new KernelNftables(undefined, undefined, ruleSockets),
      conntrack: new KernelConntrack(undefined, ruleSockets),
      host: new KernelHostNetwork(sockets),
      ports: new KernelHostPorts(),
      hostFlows: new KernelHostFlows(),
    }),
    checkup: new HostCheckup(config),
    host: config.hostName,
    encryptByDefault: config.encrypt,
    version: version.version,
    storeName: formatStoreAddress(config.store),
    ...(isShared(opened) ? { shared: sharedHost(config, opened, new KernelUnderlay(sockets, config.underlayAddress), new KernelTunnels(sockets, join(config.state, 'wireguard'))) } : {}),
    defaultPools: { 4: config.defaultAddressPool, 6: config.defaultAddressPoolv6 },
    restMs: config.addressRest * 1000,
    reclaimMs: config.reclaimAfter * 1000,
    verifyMs: config.verifyInterval * 1000,
    uplinkRanges: { ipv4: config.uplinkSubnet, ipv6: config.uplinkSubnetv6 },
    now: Date.now,
    log,
    metrics: passesSeen(routerMetrics(metrics)),
  });
  sampleControl(metrics, control);
  const ends: End[] = [() => store.close(), () => sockets.close(), () => control.stop()];
  try {
    const lock = lockHost();
    forbidCoreDumps();
    // Given back last: another netctld may begin when nothing of this one goes on.
    ends.unshift(() => Promise.resolve(lock.release()));
    notifier.status('bringing the routers to what the state says');
    await control.start();
    const plugin = createPluginServer({
      addresses: faults.around('addresses', control.pluginAddresses),
      endpoints: faults.around('endpoints', control.pluginEndpoints),
      publications: faults.around('publications', control.pluginPublications),
      logger: log,
      obstacle: () => reach.away,
    });
    ends.push(() => plugin.close(), () => control.leaveDocker());
    await plugin.listen(config.pluginSocket);
    const watch = watchContainers({ docker, listener: control.containerListener, logger: log });
    ends.push(() => watch.close());
    const api = await createApi({ operations: control, logger: log, metrics, version });
    // The API ends before the plugin: a network that is being made waits for Docker, and Docker for the plugin.
    ends.push(() => api.close());
    await api.listenUnix(config.socket);
    if (config.listen) await api.listenTcp(config.listen.host, config.listen.port, tls);
    ends.push(renewOnHangup(api, tlsFiles, log), keepCopies(store, config.state, log));
    return ends;
  } catch (error) {
    await stop(ends, log);
    throw error;
  }
}

/** Between two measurements of the way to another host, in milliseconds: often enough that three lost ones are told within a minute. */
const probeMs = 5000;

/** @param store as it was opened: what is around it knows of no announcements. */
function sharedHost({ state, hostLease, vxlanPort, wireguardPort }: Config, store: SharedStore, underlay: Underlay, tunnels: Tunnels): SharedHost {
  const announce: SharedStore['announce'] = (key, value, ttlSeconds) => store.announce(key, value, ttlSeconds);
  return { announce, id: readHostId(state), leaseSeconds: hostLease, vxlanPort, underlay, pinger: new KernelPinger(), tunnels, tunnelPort: wireguardPort, probeMs };
}

/** Why nothing can be written, while the store is away. */
interface Reach {
  away: string | undefined;
}

/** More entries than this: of thousands of services. */
const manyEntries = 5000;

function storeListener(log: Logger, notifier: Notifier, reach: Reach): StoreListener {
  return {
    found: (entries) => {
      if (entries > manyEntries) growYoungHeap();
    },
    report: (error) => log.error({ event: 'watcher-failed', err: error }, 'a watcher of the store failed: a bug'),
    away: (reason) => {
      reach.away = reason;
      log.warn({ event: 'store-away' }, reason);
      notifier.status(reason);
    },
    back: (awayMs) => {
      reach.away = undefined;
      log.info({ event: 'store-back', awayMs }, 'the store answers again');
      notifier.status('the store answers again');
    },
  };
}

function tlsFilesOf({ tlsCert: cert, tlsKey: key, tlsCa: ca }: Config): TlsFiles | undefined {
  return cert === undefined || key === undefined || ca === undefined ? undefined : { cert, key, ca };
}

/** SIGHUP reads renewed certificates. Files that will not do change nothing: the daemon goes on with those it has. */
function renewOnHangup(api: Api, files: TlsFiles | undefined, log: Logger): End {
  const renew = (): void => {
    try {
      if (files) api.renewTls(readTls(files));
      log.info({ event: 'reloaded', ...files }, files ? 'the certificates were read anew' : 'there is nothing to read anew: without TLS, settings are read at the start only');
    } catch (error) {
      log.error({ event: 'reload-failed', err: error }, 'the certificates stay as they were');
    }
  };
  process.on('SIGHUP', renew);
  return () => Promise.resolve(void process.off('SIGHUP', renew));
}

/** Tests end netctld at named points. Otherwise every port is what it is. */
async function chosenFaults(log: Logger): Promise<Faults> {
  const text = process.env['NETCTLD_FAULT'];
  if (!text) return { around: (_, port) => port, aroundKernel: (kernel) => kernel };
  const { openFaults } = await import('./faults.js');
  const faults = openFaults(text, (point) => {
    // Whoever chose several is to know at which one it was.
    log.warn({ event: 'fault-reached', fault: point }, 'netctld kills itself');
    return process.kill(process.pid, 'SIGKILL') as never;
  });
  log.warn({ event: 'fault-chosen', fault: text }, 'NETCTLD_FAULT is set: netctld is going to kill itself; this is for tests only');
  return faults;
}

/** How often the state is copied, in milliseconds, if it changed. */
const [firstCopyMs, copyMs] = [10_000, 600_000] as const;

/** Lists of thousands of services, made anew for each of many changes, were copied again and again where what is new has little room: a fourth of the processor time. */
function passesSeen(counted: RouterMetrics): RouterMetrics {
  const activity = new Activity();
  return {
    ...counted,
    passed: (tenant, pass) => {
      counted.passed(tenant, pass);
      if (activity.passed(pass.elements)) growYoungHeap();
    },
  };
}

/** Copies of the state, in case it is damaged: one soon, of what was found to be sound, one now and then, and one at the end. */
function keepCopies(store: Store, state: string, log: Logger): End {
  const copy = (): Promise<void> =>
    copyState(store, state, new Date()).then(
      (file) => void (file === undefined || log.debug({ event: 'state-copied', file }, 'the state was copied')),
      (error: unknown) => log.warn({ event: 'state-copy-failed', err: error }, 'the state could not be copied: if it is damaged later, an older copy is all there is'),
    );
  let last = Promise.resolve();
  // At start there is more urgent work for the processor.
  const first = setTimeout(() => (last = copy()), firstCopyMs).unref();
  const timer = setInterval(() => (last = copy()), copyMs).unref();
  return () => {
    clearTimeout(first);
    clearInterval(timer);
    return last.then(copy);
  };
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
  const { config, task } = loaded;
  if (task) return carryOut(task, config);
  const log = createLogger(config.logLevel);
  const notifier = openNotifier(process.env, (error) => log.warn({ event: 'notify-failed', err: error }, 'the service manager cannot be told how it goes'));
  const ends = await start(config, log, notifier);
  notifier.ready(`serving at ${config.socket}${config.listen ? ` and ${config.listen.host} port ${config.listen.port}` : ''}`);
  log.info({ event: 'started', socket: config.socket, pluginSocket: config.pluginSocket, state: config.state }, 'netctld is up');
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve);
  });
  log.info({ event: 'stopping', signal }, 'netctld is going down; the kernel state stays');
  notifier.stopping('ending; what the kernel holds stays');
  await stop(ends, log);
  notifier.close();
}

/** What is done in the place of running. */
async function carryOut(task: Task, config: Config): Promise<void> {
  const { runStateTask } = await import('./state-tasks.js');
  const { print, exitCode } = task.do === 'fault-points' ? { print: (await import('./faults.js')).faultPoints().join('\n'), exitCode: 0 } : await runStateTask(task, config, new Date());
  process.stdout.write(`${print}\n`);
  process.exitCode = exitCode;
}

main().catch((error: unknown) => {
  // A refusal is for the person who started the daemon; anything else is a bug and needs its stack.
  const text = error instanceof NetctlError ? messageOf(error) : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`netctld: ${text ?? ''}\n`);
  process.exitCode = error instanceof NetctlError && error.code === 'invalid' ? 2 : 1;
});
