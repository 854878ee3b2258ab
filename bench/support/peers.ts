import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubeIptables } from '../peers/kube-iptables.js';
import { kubeNftables } from '../peers/kube-nftables.js';
import { haproxyConfiguration, nftlbFarms, nginxConfiguration } from '../peers/programs.js';
import type { BenchService } from '../peers/service.js';
import { serviceNetwork, type Site } from './site.js';
import { projectRoot, type Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Makes the router of a site balance the services, whose addresses are in {@link serviceNetwork}. */
export type Balance = (site: Site, services: readonly BenchService[], teardown: Teardown) => Promise<void>;

/** The same in two steps: writes what the peer is told of the services; and has the peer begin with it, in the router of a site. */
export type Peer = (services: readonly BenchService[], teardown: Teardown) => Promise<(router: Space, teardown: Teardown) => Promise<unknown>>;

export function balanceBy(peer: Peer): Balance {
  return async ({ router }, services, teardown) => {
    const begin = await peer(services, teardown);
    await begin(router, teardown);
  };
}

/** Where bin/peers unpacks what is not installed. */
const unpacked = join(projectRoot(), '.build', 'peers');

/** One of the peers, as a command, wherever it is. */
export function peer(program: string, ...words: string[]): [string, ...string[]] {
  const started = join(unpacked, 'bin', program);
  return [existsSync(started) ? started : program, ...words];
}

/** What makes those of Debian tell their versions. */
export const peerVersions = [peer('haproxy', '-v'), peer('nginx', '-v'), peer('nftlb', '--help')] as const;

/** A proxy listens on the addresses of its services. */
const ownAddresses = `route replace local ${serviceNetwork} dev lo`;

export const kubeNftablesPeer: Peer = async (services, teardown) => {
  const file = await temporaryFile('rules', kubeNftables(services), teardown);
  return (router) => router.run(['nft', '--file', file]);
};

export const kubeIptablesPeer: Peer = async (services, teardown) => {
  const file = await temporaryFile('rules', kubeIptables(services), teardown);
  return (router) => router.run(['iptables-restore', file]);
};

/** It writes its rules and ends: no rule changes afterwards. */
export const nftlbPeer: Peer = async (services, teardown) => {
  const file = await temporaryFile('farms', nftlbFarms(services), teardown);
  return (router) => router.run(peer('nftlb', '--exit', '--config', file));
};

export function haproxyPeer(backend: readonly string[] = [], server = ''): Peer {
  return async (services, teardown) => {
    const file = await temporaryFile('haproxy', haproxyConfiguration(services, backend, server), teardown);
    return async (router, teardown) => {
      await router.ip(ownAddresses);
      teardown(await router.start(peer('haproxy', '-W', '-db', '-f', file), /Loading success/, 'between'));
    };
  };
}

export const nginxPeer: Peer = async (services, teardown) => {
  const directory = await temporaryDirectory(teardown);
  const modules = [unpacked, '/'].map((root) => join(root, 'usr', 'lib', 'nginx', 'modules')).find(existsSync);
  await writeFile(join(directory, 'nginx.conf'), nginxConfiguration(services, modules ?? 'modules', directory));
  return async (router, teardown) => {
    await router.ip(ownAddresses);
    teardown(await router.start(peer('nginx', '-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')), /start worker process /, 'between'));
  };
};

async function temporaryFile(name: string, text: string, teardown: Teardown): Promise<string> {
  const file = join(await temporaryDirectory(teardown), name);
  await writeFile(file, text);
  return file;
}

async function temporaryDirectory(teardown: Teardown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'netctl-bench-'));
  teardown(() => rm(directory, { recursive: true }));
  return directory;
}
