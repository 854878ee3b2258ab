import t from 'tap';
import { checkClaim, nextAddress, theBest } from '../../../src/ipam/allocate.js';
import { AddressPool } from '../../../src/ipam/pool.js';
import { checkSubnet } from '../../../src/ipam/subnet.js';
import { IpAddress } from '../../../src/model/address.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);

t.test('an exhausted pool says how many there were', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/30', '10.1.1.2'));
  t.equal(nextAddress('net', pool, 0, 0, theBest).toString(), '10.1.1.1');
  pool.hold(ip('10.1.1.1'), { kind: 'service', name: 's' }, 0);
  t.throws(() => nextAddress('net', pool, 0, 0, theBest), { code: 'exhausted', message: /network net has no free address: all 1 of subnet 10\.1\.1\.0\/30/ });
  t.end();
});

t.test('one of several is chosen by a number, also where few are left', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/29'));
  const chosen = (most: number): string[] => [0, 0.3, 0.6, 0.99].map((random) => nextAddress('net', pool, 0, 0, { most, random }).toString());
  t.strictSame(chosen(4), ['10.1.1.1', '10.1.1.2', '10.1.1.3', '10.1.1.4']);
  t.strictSame(chosen(1), ['10.1.1.1', '10.1.1.1', '10.1.1.1', '10.1.1.1']);
  for (const last of [1, 2, 3, 4]) pool.hold(ip(`10.1.1.${last}`), { kind: 'service', name: 's' }, 0);
  t.strictSame(chosen(32), ['10.1.1.5', '10.1.1.5', '10.1.1.6', '10.1.1.6']);
  t.end();
});

t.test('claims', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.5-10.1.1.100/24', '10.1.1.50'));
  const endpointId = '0123456789abcdef'.repeat(4);
  pool.hold(ip('10.1.1.6'), { kind: 'service', name: 'app-svc' }, 0);
  pool.hold(ip('10.1.1.7'), { kind: 'endpoint', id: endpointId }, 0);
  pool.hold(ip('10.1.1.8'), { kind: 'request', host: 'h1' }, 0);
  pool.hold(ip('10.1.1.9'), { kind: 'resting' }, 0);
  pool.hold(ip('10.1.1.10'), { kind: 'gateway' }, 0);
  for (const [text, code, message] of [
    ['10.1.2.1', 'invalid', 'address 10.1.2.1 is not in subnet 10.1.1.0/24 of network net'],
    ['2001:db8::1', 'invalid', 'address 2001:db8::1 is not in subnet 10.1.1.0/24 of network net'],
    ['10.1.1.0', 'invalid', 'address 10.1.1.0 is the network address of subnet 10.1.1.0/24 of network net'],
    ['10.1.1.255', 'invalid', 'address 10.1.1.255 is the broadcast address of subnet 10.1.1.0/24 of network net'],
    ['10.1.1.50', 'conflict', 'address 10.1.1.50 is the gateway of network net: choose another one'],
    ['10.1.1.4', 'invalid', 'address 10.1.1.4 is outside the range 10.1.1.5-10.1.1.100 of network net'],
    ['10.1.1.101', 'invalid', 'address 10.1.1.101 is outside the range 10.1.1.5-10.1.1.100 of network net'],
    ['10.1.1.6', 'conflict', 'address 10.1.1.6 of network net is held by service app-svc: choose another one'],
    ['10.1.1.7', 'conflict', 'address 10.1.1.7 of network net is held by container endpoint 0123456789ab: choose another one'],
    ['10.1.1.8', 'conflict', 'address 10.1.1.8 of network net is held by a container that is being started: choose another one'],
    ['10.1.1.10', 'conflict', 'address 10.1.1.10 of network net is held by the gateway: choose another one'],
  ] as const) {
    t.throws(() => checkClaim('net', pool, ip(text)), { code, message }, text);
  }
  for (const text of ['10.1.1.5', '10.1.1.9', '10.1.1.100']) t.doesNotThrow(() => checkClaim('net', pool, ip(text)), text);
  t.throws(() => checkClaim('net', undefined, ip('2001:db8::1')), { code: 'invalid', message: /network net has no IPv6 subnet/ });
  t.end();
});

t.test('both addresses of a /31 can be claimed', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/31'));
  for (const text of ['10.1.1.0', '10.1.1.1']) t.doesNotThrow(() => checkClaim('net', pool, ip(text)), text);
  t.end();
});

t.test('what next gives out can be claimed, and nothing that it never gives out', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.2-10.1.1.13/28', '10.1.1.9'));
  for (let offset = 0n; offset < 16n; offset++) {
    const address = ip('10.1.1.0').plus(offset);
    if (pool.isGivable(address)) t.doesNotThrow(() => checkClaim('net', pool, address), address.toString());
    else t.throws(() => checkClaim('net', pool, address), address.toString());
  }
  t.end();
});
