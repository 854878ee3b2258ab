import { IpAddress } from '../../src/model/address.js';
import type { Family } from '../../src/model/address.js';
import { protocols } from '../../src/model/service.js';
import type { Flow } from '../../src/nat/input.js';

/** The states of a TCP connection that has ended, in the kernel's words (nf_conntrack_proto_tcp.c). */
const closedStates = ['LAST_ACK', 'TIME_WAIT', 'CLOSE'];

/**
 * The flows in what `conntrack -L -o extended` prints: one line each, with `key=value` for the tuple of
 * the original direction first and for that of the reply direction then. Lines of other protocols than a
 * service can have are passed over.
 */
export function parseFlows(text: string): Flow[] {
  // Among tens of thousands of lines there are few different addresses, and reading one is most of the work.
  const known = new Map<string, IpAddress>();
  const addressOf = (text: string): IpAddress => {
    const address = known.get(text) ?? IpAddress.parse(text);
    known.set(text, address);
    return address;
  };
  return text.split('\n').flatMap((line) => parseFlow(line, addressOf) ?? []);
}

function parseFlow(line: string, addressOf: (text: string) => IpAddress): Flow | undefined {
  const words = line.split(' ');
  const protocol = protocols.find((known) => words.includes(known));
  const [client, replySource] = words.filter((word) => word.startsWith('src='));
  const [service] = words.filter((word) => word.startsWith('dst='));
  const [clientPort, replyPort] = words.filter((word) => word.startsWith('sport='));
  const [servicePort] = words.filter((word) => word.startsWith('dport='));
  if (!protocol || !client || !service || !replySource || !clientPort || !servicePort || !replyPort) return undefined;
  const socket = (address: string, port: string): Flow['client'] => ({ address: addressOf(valueOf(address)), port: Number(valueOf(port)) });
  return {
    protocol,
    client: socket(client, clientPort),
    service: socket(service, servicePort),
    provider: socket(replySource, replyPort),
    ...(closedStates.some((state) => words.includes(state)) && { ended: true }),
  };
}

function valueOf(word: string): string {
  return word.slice(word.indexOf('=') + 1);
}

export function familyName(family: Family): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6';
}

/**
 * The deletions, one line each for `conntrack --load-file`, that remove these flows of the current ones.
 * conntrack reads the whole table for every line, so all that lead from one service port to one provider's
 * go with one line if none of them is to stay.
 */
export function renderRemoval(flows: readonly Flow[], current: readonly Flow[]): string {
  const doomed = new Set(flows.map(flowLine));
  return [...grouped(current).values()]
    .flatMap((group) => {
      const going = group.filter((flow) => doomed.has(flowLine(flow)));
      return going.length === group.length ? going.slice(0, 1).map(legLine) : going.map(flowLine);
    })
    .map((line) => `${line}\n`)
    .join('');
}

function grouped(flows: readonly Flow[]): Map<string, Flow[]> {
  const groups = new Map<string, Flow[]>();
  for (const flow of flows) {
    const group = groups.get(legLine(flow));
    if (group) group.push(flow);
    else groups.set(legLine(flow), [flow]);
  }
  return groups;
}

function legLine({ protocol, service, provider }: Flow): string {
  return [
    `-D -f ${familyName(service.address.family)} -p ${protocol}`,
    `--orig-dst ${service.address.toString()} --orig-port-dst ${service.port}`,
    `--reply-src ${provider.address.toString()} --reply-port-src ${provider.port}`,
  ].join(' ');
}

function flowLine(flow: Flow): string {
  return `${legLine(flow)} --orig-src ${flow.client.address.toString()} --orig-port-src ${flow.client.port}`;
}
