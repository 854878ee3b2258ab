import type { Parse } from './values.js';

/** Where the state is kept: in this host's own directory, or in an etcd that hosts share. */
export type StoreAddress =
  | { readonly kind: 'embedded' }
  /** `host:port` of its members, at least one. */
  | { readonly kind: 'etcd'; readonly endpoints: readonly string[] };

const defaultPort = 2379;

/** `embedded`, or `etcd://HOST[:PORT][,HOST[:PORT]...]`; an IPv6 address is in brackets. */
export const storeAddress: Parse<StoreAddress> = (value) => {
  if (value === 'embedded') return { kind: 'embedded' };
  const list = typeof value === 'string' ? /^etcd:\/\/([^/]+)\/?$/.exec(value)?.[1] : undefined;
  if (list === undefined) throw new Error('must be "embedded" or the members of an etcd, for example etcd://10.0.0.1:2379,10.0.0.2:2379');
  const endpoints = list.split(',').map(endpoint);
  const twice = endpoints.find((one, i) => endpoints.indexOf(one) !== i);
  if (twice !== undefined) throw new Error(`names the member ${twice} twice`);
  return { kind: 'etcd', endpoints };
};

export function formatStoreAddress(address: StoreAddress): string {
  return address.kind === 'embedded' ? 'embedded' : `etcd://${address.endpoints.join(',')}`;
}

function endpoint(text: string): string {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?$/i.exec(text);
  const port = Number(match?.[3] ?? defaultPort);
  if (!match?.[1] || port < 1 || port > 65535) throw new Error(`must name members as HOST:PORT, and "${text}" is none`);
  return `${match[1]}:${port}`;
}

/** What begins all keys in etcd: it begins and ends with a slash, so that no key of another program can begin like it. */
export const etcdPrefix: Parse<string> = (value) => {
  if (typeof value !== 'string' || !/^\/([\w.-]+\/)+$/.test(value)) throw new Error('must begin and end with a slash, for example /netctl/');
  return value;
};

export const userName: Parse<string> = (value) => {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw new Error('must be the name of a user of etcd');
  return value;
};
