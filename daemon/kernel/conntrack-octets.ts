import type { Family, IpAddress } from '../../src/model/address.js';
import type { Protocol } from '../../src/model/service.js';
import type { Flow } from '../../src/nat/input.js';
import { addressOfOctets, octetsOfAddress, socketFamily } from './netlink-octets.js';
import { attributeEnd, attributeType, attributeWithin, nextAttribute } from './netlink-reader.js';
import { NetlinkWriter } from './netlink-writer.js';
import { closedTcpStates, CTA, CTA_FILTER, CTA_FILTER_FLAG, CTA_IP, CTA_PROTO, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE, CTA_TUPLE, IPCTNL_MSG_CT, IPS_DST_NAT, NFNL_SUBSYS_CTNETLINK } from './nf-conntrack.js';
import { NLM_F_DUMP } from './nfnetlink-dump.js';

const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };
const protocols: ReadonlyMap<number, Protocol> = new Map([[6, 'tcp'], [17, 'udp']]);

/** The connections that a list is to have: of a family, or with one end, who answers or what was asked for. */
export type ListPart = { readonly family: Family } | { readonly provider: IpAddress } | { readonly service: IpAddress };

/** A connection, and the kernel's number for it: another one between the same ends has another number. */
export interface NumberedFlow {
  readonly flow: Flow;
  readonly id: number;
}

/**
 * The question for a list of all connections, or of some. By an end of IPv6 nothing can be asked: kernels up to 6.18 at least take the
 * opposite for it (ctnetlink_filter_match_tuple: `!ipv6_addr_cmp`), and list those that do not have it.
 */
export function listQuestion(part?: ListPart): Buffer {
  const writer = new NetlinkWriter();
  writer.message((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT.get, NLM_F_DUMP, 1, () => {
    if (!part) return writeGeneric(0, writer);
    if ('family' in part) return writeGeneric(socketFamily(part.family), writer);
    const isProvider = 'provider' in part;
    const address = isProvider ? part.provider : part.service;
    writeGeneric(socketFamily(address.family), writer);
    const numbers = CTA_IP[address.family];
    writer.nested(isProvider ? CTA.reply : CTA.original, () => writer.nested(CTA_TUPLE.ip, () => writeAddress(isProvider ? numbers.source : numbers.destination, address, writer)));
    writer.nested(CTA.filter, () => {
      writer.attribute(CTA_FILTER.original, () => writer.own32(isProvider ? 0 : CTA_FILTER_FLAG.destination));
      writer.attribute(CTA_FILTER.reply, () => writer.own32(isProvider ? CTA_FILTER_FLAG.source : 0));
    });
  });
  return writer.octets;
}

/** One message for each connection: the kernel answers those only that it does not have any more. */
export function removalOf(flows: readonly NumberedFlow[]): Buffer {
  const writer = new NetlinkWriter();
  for (const [index, { flow, id }] of flows.entries()) {
    const { protocol, client, service } = flow;
    const numbers = CTA_IP[client.address.family];
    writer.message((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT.delete, 0, index + 1, () => {
      writeGeneric(socketFamily(client.address.family), writer);
      writer.nested(CTA.original, () => {
        writer.nested(CTA_TUPLE.ip, () => {
          writeAddress(numbers.source, client.address, writer);
          writeAddress(numbers.destination, service.address, writer);
        });
        writer.nested(CTA_TUPLE.protocol, () => {
          writer.attribute(CTA_PROTO.number, () => writer.byte(protocolNumbers[protocol]));
          writer.attribute(CTA_PROTO.sourcePort, () => writer.number16(client.port));
          writer.attribute(CTA_PROTO.destinationPort, () => writer.number16(service.port));
        });
      });
      writer.attribute(CTA.id, () => writer.number32(id));
    });
  }
  return writer.octets;
}

function writeAddress(type: number, address: IpAddress, writer: NetlinkWriter): void {
  writer.attribute(type, () => writer.bytes(octetsOfAddress(address)));
}

/** struct nfgenmsg. */
function writeGeneric(family: number, writer: NetlinkWriter): void {
  writer.bytes(Buffer.from([family, 0, 0, 0]));
}

/** Reads connections from the kernel's messages: TCP whose destination was translated, and UDP. */
export class FlowDecoder {
  readonly flows: NumberedFlow[] = [];
  /** Among tens of thousands of connections there are few different addresses. */
  readonly #known = { 4: new Map<number, IpAddress>(), 6: new Map<string, IpAddress>() };

  /** @param octets the attributes of one message. */
  take(octets: Buffer): void {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    let [original, reply, status, info, id] = [-1, -1, -1, -1, -1];
    for (let at = 0; at + 4 <= octets.length; at = nextAttribute(view, at)) {
      const type = attributeType(view, at);
      if (type === CTA.original) original = at;
      else if (type === CTA.reply) reply = at;
      else if (type === CTA.status) status = at;
      else if (type === CTA.protocolInfo) info = at;
      else if (type === CTA.id) id = at;
    }
    if (original < 0 || reply < 0) return;
    const protocol = protocolOf(view, original);
    if (protocol === undefined || (protocol === 'tcp' && (status < 0 || (view.getUint32(status + 4) & IPS_DST_NAT) === 0))) return;
    const [client, service, provider] = [this.#end(view, original, 'source'), this.#end(view, original, 'destination'), this.#end(view, reply, 'source')];
    if (!client || !service || !provider) return;
    const ended = protocol === 'tcp' && info >= 0 && closedTcpStates.has(tcpStateIn(view, info));
    this.flows.push({ flow: { protocol, client, service, provider, ...(ended && { ended }) }, id: id < 0 ? 0 : view.getUint32(id + 4) });
  }

  #end(view: DataView, tuple: number, which: 'source' | 'destination'): Flow['client'] | undefined {
    const [ip, ports] = [attributeWithin(view, tuple, CTA_TUPLE.ip), attributeWithin(view, tuple, CTA_TUPLE.protocol)];
    const port = ports < 0 ? -1 : attributeWithin(view, ports, which === 'source' ? CTA_PROTO.sourcePort : CTA_PROTO.destinationPort);
    const address = ip < 0 ? undefined : (this.#address(view, attributeWithin(view, ip, CTA_IP[4][which]), 4) ?? this.#address(view, attributeWithin(view, ip, CTA_IP[6][which]), 6));
    return address && port >= 0 ? { address, port: view.getUint16(port + 4) } : undefined;
  }

  #address(view: DataView, attribute: number, family: Family): IpAddress | undefined {
    if (attribute < 0) return undefined;
    const octets = (): Buffer => Buffer.from(view.buffer, view.byteOffset + attribute + 4, attributeEnd(view, attribute) - attribute - 4);
    return family === 4 ? remembered(this.#known[4], view.getUint32(attribute + 4), octets) : remembered(this.#known[6], octets().toString('latin1'), octets);
  }
}

function remembered<K>(known: Map<K, IpAddress>, key: K, octets: () => Buffer): IpAddress {
  const address = known.get(key) ?? addressOfOctets(octets());
  known.set(key, address);
  return address;
}

function protocolOf(view: DataView, tuple: number): Protocol | undefined {
  const outer = attributeWithin(view, tuple, CTA_TUPLE.protocol);
  const number = outer < 0 ? -1 : attributeWithin(view, outer, CTA_PROTO.number);
  return number < 0 ? undefined : protocols.get(view.getUint8(number + 4));
}

function tcpStateIn(view: DataView, info: number): number {
  const tcp = attributeWithin(view, info, CTA_PROTOINFO_TCP);
  const state = tcp < 0 ? -1 : attributeWithin(view, tcp, CTA_PROTOINFO_TCP_STATE);
  return state < 0 ? -1 : view.getUint8(state + 4);
}
