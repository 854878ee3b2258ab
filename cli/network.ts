import type { NetworkInspect, NetworkObject } from '../src/wire/objects.js';
import { command, type Command } from './command.js';
import { createObject } from './creation.js';
import { usageError } from './failure.js';
import { listFlags, tenantFlag } from './flags.js';
import { type Listing, printList, summaries } from './listing.js';
import { inspectOne, keyOf, objectPath } from './paths.js';
import { removeEach } from './removal.js';

const create = command({
  name: 'create',
  summary: 'Create a network, and the Docker network that stands for it',
  details: 'Docker knows it as NETWORK in tenant default, and as NETWORK/TENANT in other tenants.',
  names: { label: 'NETWORK', count: 'one' },
  flags: {
    ...tenantFlag,
    subnet: { kind: 'text', aliases: ['s'], describe: 'Subnet such as 10.1.1.0/24, or a part of one: 10.1.1.50-10.1.1.100/24' },
    gateway: { kind: 'text', aliases: ['g'], describe: 'Gateway in the subnet; without one, containers get no default route' },
    subnetv6: { kind: 'text', aliases: ['s6'], describe: 'IPv6 subnet such as 2001:db8:1::/64, besides or alone' },
    gatewayv6: { kind: 'text', aliases: ['g6'], describe: 'IPv6 gateway in the IPv6 subnet' },
    'pkt-tag': { kind: 'text', aliases: ['p'], describe: 'Packet tag, the VXLAN network identifier; without it, a free one' },
    encap: { kind: 'text', aliases: ['e'], default: 'vxlan', describe: 'Encapsulation between hosts' },
    'nw-type': { kind: 'text', aliases: ['n'], default: 'data', describe: 'Type of network' },
    internal: { kind: 'switch', aliases: [], describe: 'Nothing of it leaves the tenant' },
    encrypt: { kind: 'setting', aliases: [], describe: 'Encrypt what goes from host to host [default: as netctld is told, which is not to]' },
    'nw-tag': { kind: 'text', aliases: ['tag'], describe: 'A word of yours, kept and shown' },
  },
  examples: ['netctl net create contiv-net -s 10.1.1.0/24 -g 10.1.1.254', 'netctl net create -t blue -s 10.1.1.0/24 contiv-net', 'netctl net create v6-net --subnetv6 2001:db8:1::/64 --gatewayv6 2001:db8:1::1'],
  async run([network = ''], values, context) {
    if (values.subnet === undefined && values.subnetv6 === undefined) {
      throw usageError('netctl network create needs --subnet (-s) or --subnetv6, such as 10.1.1.0/24', 'netctl network create');
    }
    const key = keyOf(values.tenant, network);
    const words = { created: `Creating network ${key}`, object: `network ${key}` };
    const body: NetworkObject = {
      tenantName: values.tenant,
      networkName: network,
      nwType: values['nw-type'],
      encap: values.encap,
      ...given('pktTag', values['pkt-tag'] === undefined ? undefined : packetTag(values['pkt-tag'])),
      ...given('subnet', values.subnet),
      ...given('gateway', values.gateway),
      ...given('ipv6Subnet', values.subnetv6),
      ...given('ipv6Gateway', values.gatewayv6),
      ...given('cfgdTag', values['nw-tag']),
      ...given('internal', values.internal ? true : undefined),
      ...given('encrypted', values.encrypt),
    };
    await createObject(objectPath('networks', key), body, words, context);
  },
});

/** A field, or none: the API leaves out what was not asked for. */
function given<K extends keyof NetworkObject>(field: K, value: NetworkObject[K] | undefined): Pick<NetworkObject, K> | object {
  return value === undefined ? {} : { [field]: value };
}

/** @throws Failure `usage` if it is no number; which numbers are allowed is for netctld to say. */
function packetTag(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usageError(`--pkt-tag (-p) is "${text}", which is not a number`, 'netctl network create');
  return Number(text);
}

const listing: Listing<NetworkObject> = {
  titles: [
    'Tenant',
    'Network',
    'Nw Type',
    'Encap type',
    'Packet tag',
    'Subnet',
    'Gateway',
    'IPv6Subnet',
    'IPv6Gateway',
    'Cfgd Tag',
  ],
  row: (network) => [
    network.tenantName,
    network.networkName,
    network.nwType ?? '',
    `${network.encap ?? ''}${network.encrypted ? ', encrypted' : ''}`,
    String(network.pktTag ?? 0),
    network.subnet ?? '',
    network.gateway ?? '',
    network.ipv6Subnet ?? '',
    network.ipv6Gateway ?? '',
    network.cfgdTag ?? '',
  ],
  name: (network) => network.networkName,
};

const list = command({
  name: 'ls',
  aliases: ['list'],
  summary: 'List the networks of a tenant',
  flags: listFlags,
  examples: ['netctl net ls', 'netctl net ls -a -j'],
  async run(_names, values, context) {
    const networks = await summaries<NetworkInspect>('networks', values, context);
    await printList(networks.map(summarize), values, listing, context);
  },
});

/** The network as configured, but with the packet tag that it really holds. */
function summarize({ Config, Oper }: NetworkInspect): NetworkObject {
  return { ...Config, pktTag: Oper.pktTag ?? 0 };
}

const inspect = command({
  name: 'inspect',
  summary: 'Show a network, its addresses and endpoints as JSON',
  names: { label: 'NETWORK', count: 'one' },
  flags: tenantFlag,
  examples: ['netctl net inspect contiv-net', 'netctl net inspect -t blue contiv-net'],
  async run([network = ''], values, { api, output }) {
    await output.printJson(await api.get<NetworkInspect>(inspectOne('networks', keyOf(values.tenant, network))));
  },
});

const remove = command({
  name: 'rm',
  aliases: ['delete'],
  summary: 'Delete networks that nothing uses, and their Docker networks',
  names: { label: 'NETWORK', count: 'several' },
  flags: tenantFlag,
  examples: ['netctl net rm contiv-net', 'netctl net rm -t blue contiv-net client-net'],
  run: (networks, values, context) =>
    removeEach(networks, context, (network) => {
      const key = keyOf(values.tenant, network);
      return { path: objectPath('networks', key), done: `Deleting network ${key}` };
    }),
});

export const networkCommands: readonly Command[] = [create, list, inspect, remove];
