import { IpAddress, Mac } from '../../../src/model/address.js';

/** A datagram between two containers that somebody made up. */
export interface ForgedDatagram {
  readonly vni: number;
  /** IPv4. */
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly text: string;
}

/** What is in the UDP packet that carries the datagram as VXLAN does (RFC 7348, section 5). */
export function vxlanPayload({ vni, from, to, port, text }: ForgedDatagram): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(0x08, 0);
  header.writeUIntBE(vni, 4, 3);
  const ethernet = Buffer.concat([macOf(to), macOf(from), Buffer.from([0x08, 0x00])]);
  return Buffer.concat([header, ethernet, ipPacket(octetsOf(from), octetsOf(to), udpPacket(port, Buffer.from(text)))]);
}

function ipPacket(from: Buffer, to: Buffer, payload: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(header.length + payload.length, 2);
  header.writeUInt8(64, 8);
  header.writeUInt8(17, 9);
  from.copy(header, 12);
  to.copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** Without a checksum, which IPv4 allows. */
function udpPacket(port: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(port, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt16BE(header.length + payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** The Internet checksum (RFC 1071). */
function checksum(octets: Buffer): number {
  let sum = 0;
  for (let at = 0; at < octets.length; at += 2) sum += octets.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function octetsOf(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

/** Of the container that has the address. */
function macOf(address: string): Buffer {
  return Buffer.from(Mac.fromIp(IpAddress.parse(address)).toString().replaceAll(':', ''), 'hex');
}
