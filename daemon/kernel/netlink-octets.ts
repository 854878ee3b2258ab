import { IpAddress, Mac, type Family } from '../../src/model/address.js';

// Addresses as netlink carries them: their octets, the first one first.

export function octetsOfAddress(address: IpAddress): Buffer {
  return Buffer.from(address.value.toString(16).padStart(address.family === 4 ? 8 : 32, '0'), 'hex');
}

/** @param octets 4 or 16 of them. */
export function addressOfOctets(octets: Uint8Array): IpAddress {
  return IpAddress.fromValue(octets.length === 4 ? 4 : 6, BigInt(`0x${Buffer.from(octets).toString('hex')}`));
}

export function octetsOfMac(mac: Mac): Buffer {
  return Buffer.from(mac.text.replaceAll(':', ''), 'hex');
}

/** @param octets 6 of them. */
export function macOfOctets(octets: Uint8Array): Mac {
  return Mac.parse(Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':'));
}

/** The address families' numbers, as socket(2) has them: AF_INET and AF_INET6. */
export function socketFamily(family: Family): number {
  return family === 4 ? 2 : 10;
}
