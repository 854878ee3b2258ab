import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubeIptables } from '../peers/kube-iptables.js';
import { kubeNftables } from '../peers/kube-nftables.js';
import { haproxyConfiguration, nftlbFarms, nginxConfiguration } from '../peers/programs.js';
import type { BenchService } from '../peers/service.js';
import { serviceNetwork, type Site } from './site.js';
import { projectRoot } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Makes the router of a site balance the services, whose addresses are in {@link serviceNetwork}. */
export type Balance = (site: Site, services: readonly BenchService[], teardown: Teardown) => Promise<void>;

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

export const balanceByKubeNftables: Balance = async ({ router }, services, teardown) => {
  await router.run(['nft', '--file', await temporaryFile('rules', kubeNftables(services), teardown)]);
};

export const balanceByKubeIptables: Balance = async ({ router }, services, teardown) => {
  await router.run(['iptables-restore', await temporaryFile('rules', kubeIptables(services), teardown)]);
};

/** It writes its rules and ends: no rule changes afterwards. */
export const balanceByNftlb: Balance = async ({ router }, services, teardown) => {
  await router.run(peer('nftlb', '--exit', '--config', await temporaryFile('farm', nftlbFarms(services), teardown)));
};

export function balanceByHaproxy(backend: readonly string[] = [], server = ''): Balance {
  return async ({ router }, services, teardown) => {
    await router.ip(ownAddresses);
    const file = await temporaryFile('haproxy', haproxyConfiguration(services, backend, server), teardown);
    teardown(await router.start(peer('haproxy', '-W', '-db', '-f', file), /Loading success/, 'between'));
  };
}

export const balanceByNginx: Balance = async ({ router }, services, teardown) => {
  await router.ip(ownAddresses);
  const directory = await temporaryDirectory(teardown);
  const modules = [unpacked, '/'].map((root) => join(root, 'usr', 'lib', 'nginx', 'modules')).find(existsSync);
  await writeFile(join(directory, 'nginx.conf'), nginxConfiguration(services, modules ?? 'modules', directory));
  teardown(await router.start(peer('nginx', '-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')), /start worker process /, 'between'));
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
