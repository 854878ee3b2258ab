import type { ServiceChangeObject } from '../src/wire/objects.js';
import type { Flags } from './command.js';
import { usageError } from './failure.js';

/** What one says of a service, when creating it or changing it. */
export const selectorFlag = { kind: 'list', aliases: ['l'], describe: 'What the labels of a provider must satisfy; may be repeated' } as const;
export const portFlag = { kind: 'list', aliases: ['p'], describe: 'PORT:TARGETPORT:PROTOCOL such as 8080:80:TCP; may be repeated' } as const;

export const balancingFlags = {
  algorithm: { kind: 'text', aliases: ['algo'], describe: 'Who gets a new connection: roundrobin (each in turn), random, or source (always the same for a client address)' },
  weight: { kind: 'list', aliases: [], describe: 'SELECTOR:PERCENT such as version=2:10, the share of those that it selects; may be repeated; "none" takes all weights away' },
  prefer: { kind: 'text', aliases: [], describe: "Which providers come first: any (none does) or local (those on the client's own host, while there are any)" },
  'preferred-ip': { kind: 'list', aliases: ['ip'], describe: 'Service IP, at most one of IPv4 and one of IPv6; without it, a free one' },
} as const satisfies Flags;

interface Balancing {
  readonly algorithm: string | undefined;
  readonly weight: readonly string[];
  readonly prefer: string | undefined;
  readonly 'preferred-ip': readonly string[];
}

/**
 * The fields of the REST object for the flags that are given.
 * @throws Failure `usage` if there are two addresses of one family; all else is for netctld to judge.
 */
export function balancingOf(values: Balancing, helpOf: string): Pick<ServiceChangeObject, 'algorithm' | 'weights' | 'prefer' | 'ipAddress' | 'ipv6Address'> {
  const { algorithm, weight, prefer } = values;
  const none = weight.length === 1 && weight[0] === 'none';
  return {
    ...(algorithm !== undefined && { algorithm }),
    ...(weight.length > 0 && { weights: none ? [] : [...weight] }),
    ...(prefer !== undefined && { prefer }),
    ...addressFields(values['preferred-ip'], helpOf),
  };
}

/** Contiv's field holds the IPv4 address, or the only one. */
function addressFields(addresses: readonly string[], helpOf: string): Pick<ServiceChangeObject, 'ipAddress' | 'ipv6Address'> {
  const [six, four] = [addresses.filter((text) => text.includes(':')), addresses.filter((text) => !text.includes(':'))];
  const many = [six, four].find((family) => family.length > 1);
  if (many) throw usageError(`--preferred-ip (-ip) is given ${many.length} times for one family (${many.join(', ')}): give one IPv4 and one IPv6 address at most`, helpOf);
  const [first, second] = [...four, ...six];
  return { ...(first !== undefined && { ipAddress: first }), ...(second !== undefined && { ipv6Address: second }) };
}
