import { hostname } from 'node:os';
import { defaultUplinkRanges } from '../../src/fabric/uplink.js';
import type { IpAddress, Prefix } from '../../src/model/address.js';
import type { DefaultPool } from '../../src/ipam/default-pool.js';
import { addressPool, defaultPools, formatPool } from './address-pool.js';
import { absolutePath, hostName, ipAddress, tcpAddress, oneOf, portNumber, socketPath, wholeSeconds, trueOrFalse } from './values.js';
import { uplinkSubnet } from './uplink-subnet.js';
import { etcdPrefix, storeAddress, userName, type StoreAddress } from './store-address.js';
import type { Parse, TcpAddress } from './values.js';

/** How netctld is to run. */
export interface Config {
  /** The Unix socket of the REST API. */
  readonly socket: string;
  /** Where the REST API listens on TCP besides; undefined: nowhere. */
  readonly listen: TcpAddress | undefined;
  /** With these three, TLS is spoken there, with clients that have a certificate of the authority: all of them or none. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsCa: string | undefined;
  /** The Unix socket of the Docker plugin. */
  readonly pluginSocket: string;
  /** The directory of the embedded store, and of what else is this host's own. */
  readonly state: string;
  readonly store: StoreAddress;
  /** PEM files: with the first TLS is spoken with etcd, with all three it is shown a certificate. */
  readonly etcdCa: string | undefined;
  readonly etcdCert: string | undefined;
  readonly etcdKey: string | undefined;
  readonly etcdUser: string | undefined;
  readonly etcdPasswordFile: string | undefined;
  /** Begins all keys in etcd. */
  readonly etcdPrefix: string;
  /** This host's address on the network between the hosts; undefined: the one by which it sends what has no other route. */
  readonly underlayAddress: IpAddress | undefined;
  /** UDP, the same on all hosts. */
  readonly vxlanPort: number;
  /** How long this host counts as there when nothing is heard of it, in seconds. */
  readonly hostLease: number;
  /** Whether networks that are created through this host are encrypted when nobody says. */
  readonly encrypt: boolean;
  /** UDP, of WireGuard: this port and the next. */
  readonly wireguardPort: number;
  readonly dockerSocket: string;
  /** This host's name, as endpoints carry it. */
  readonly hostName: string;
  /** Where the subnets of networks come from that Docker makes without one. */
  readonly defaultAddressPool: DefaultPool;
  readonly defaultAddressPoolv6: DefaultPool;
  /** How long a released address rests before it is given out like any other, in seconds. */
  readonly addressRest: number;
  /** How old what Docker asked for and did not use must be to be taken back, in seconds. */
  readonly reclaimAfter: number;
  /** How often the kernel is compared with what it should hold, in seconds. */
  readonly verifyInterval: number;
  /** Where the addresses of the links between routers and the host are taken from. */
  readonly uplinkSubnet: Prefix;
  readonly uplinkSubnetv6: Prefix;
  readonly logLevel: LogLevel;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface Option<T> {
  readonly describe: string;
  readonly fallback: T;
  /** How --help calls the default, where its value does not tell. */
  readonly shown?: string;
  readonly parse: Parse<T>;
}

/** Every option but `--config`. Flags, environment variables and keys of the file are all made of these names. */
export const options: { readonly [K in keyof Config]: Option<Config[K]> } = {
  socket: { describe: 'Unix socket of the REST API', fallback: '/run/netctl/netctl.sock', parse: socketPath },
  listen: { describe: 'host:port of the REST API besides; needs TLS unless loopback', fallback: undefined, shown: 'off', parse: tcpAddress },
  tlsCert: { describe: 'certificate for --listen, PEM; with the next two', fallback: undefined, shown: 'none', parse: absolutePath },
  tlsKey: { describe: 'its private key, PEM', fallback: undefined, shown: 'none', parse: absolutePath },
  tlsCa: { describe: 'authorities of the certificates that clients must have, PEM', fallback: undefined, shown: 'none', parse: absolutePath },
  pluginSocket: { describe: 'Unix socket on which Docker finds the plugin', fallback: '/run/docker/plugins/netctl.sock', parse: socketPath },
  state: { describe: 'directory of the embedded store', fallback: '/var/lib/netctl', parse: absolutePath },
  store: { describe: 'embedded, or etcd://HOST:PORT[,HOST:PORT...] for several hosts', fallback: { kind: 'embedded' }, shown: 'embedded', parse: storeAddress },
  etcdCa: { describe: "authorities of etcd's certificate, PEM; with it TLS is spoken", fallback: undefined, shown: 'none', parse: absolutePath },
  etcdCert: { describe: 'certificate to show to etcd, PEM; with the next', fallback: undefined, shown: 'none', parse: absolutePath },
  etcdKey: { describe: 'its private key, PEM', fallback: undefined, shown: 'none', parse: absolutePath },
  etcdUser: { describe: 'user to log in with; with the next', fallback: undefined, shown: 'none', parse: userName },
  etcdPasswordFile: { describe: 'file with the password of that user', fallback: undefined, shown: 'none', parse: absolutePath },
  etcdPrefix: { describe: 'what all keys in etcd begin with', fallback: '/netctl/', parse: etcdPrefix },
  underlayAddress: { describe: 'address at which the other hosts reach this one', fallback: undefined, shown: 'by the default route', parse: ipAddress },
  vxlanPort: { describe: 'UDP port of packets between hosts, the same on all', fallback: 4789, parse: portNumber },
  encrypt: { describe: 'true: networks are encrypted unless asked otherwise', fallback: false, parse: trueOrFalse },
  wireguardPort: { describe: 'UDP port of encrypted packets between hosts; the next one, too', fallback: 51820, parse: portNumber },
  hostLease: { describe: 'seconds until a host that is silent counts as away', fallback: 10, parse: wholeSeconds(3, 3600) },
  dockerSocket: { describe: 'Unix socket of the Docker engine', fallback: '/var/run/docker.sock', parse: socketPath },
  hostName: { describe: 'name of this host', fallback: hostname(), shown: "the host's own", parse: hostName },
  defaultAddressPool: { describe: 'where Docker networks without a subnet get theirs', fallback: defaultPools[4], shown: formatPool(defaultPools[4]), parse: addressPool(4) },
  defaultAddressPoolv6: { describe: 'the same for IPv6', fallback: defaultPools[6], shown: formatPool(defaultPools[6]), parse: addressPool(6) },
  // As long as neighbours and connections commonly remember an address (base_reachable_time is 30 s).
  addressRest: { describe: 'seconds that a released address rests while others are free', fallback: 60, parse: wholeSeconds(0, 86_400) },
  // When Docker is well, one follows the other within a second.
  reclaimAfter: { describe: 'seconds until what Docker asked for and did not use is taken back', fallback: 60, parse: wholeSeconds(10, 3600) },
  verifyInterval: { describe: 'seconds between two comparisons with the kernel', fallback: 60, parse: wholeSeconds(1, 86_400) },
  uplinkSubnet: { describe: 'subnet for the links between routers and this host', fallback: defaultUplinkRanges.ipv4, parse: uplinkSubnet(4) },
  uplinkSubnetv6: { describe: 'the same for IPv6', fallback: defaultUplinkRanges.ipv6, parse: uplinkSubnet(6) },
  logLevel: {
    describe: 'trace, debug, info, warn, error or fatal',
    fallback: 'info',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
  },
};

export const optionNames = Object.keys(options) as (keyof Config)[];

/** `pluginSocket` -> `plugin-socket`: the flag, and the key of the file. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `plugin-socket` -> `NETCTLD_PLUGIN_SOCKET`. */
export function variableOf(flag: string): string {
  return `NETCTLD_${flag.toUpperCase().replaceAll('-', '_')}`;
}
