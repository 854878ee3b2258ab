import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';

t.test('IpAddress.parse takes what is one address and nothing else', (t) => {
  for (const [text, canonical] of [
    ['10.1.1.1', '10.1.1.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['::', '::'],
  ] as const) {
    t.equal(IpAddress.parse(text).toString(), canonical);
  }
  for (const text of ['', '10.1', '1.2.3', '1.2.3.4.5', '1..2.3', '.1.2.3', '1.2.3.', '1.2.3.4 ', '-1.2.3.4', '00.1.1.1', '010.1.1.1', '10.1.1.256', '1.2.3.4294967296', '10.1.1.1/24', 'fe80::1%eth0', '1:2:3', 'x']) {
    t.throws(() => IpAddress.parse(text), { code: 'invalid' }, text);
  }
  t.end();
});

t.test('that an address was written makes no difference to it', (t) => {
  const [written, other] = [IpAddress.parse('2001:db8::1'), IpAddress.parse('2001:db8::1')];
  t.equal(written.toString(), '2001:db8::1');
  t.equal(written.toString(), '2001:db8::1', 'again');
  t.strictSame(written, other);
  t.equal(isDeepStrictEqual(written, other), true);
  t.same(Object.keys(written), Object.keys(other));
  t.equal(JSON.stringify([written, other]), '["2001:db8::1","2001:db8::1"]');
  t.end();
});

t.test('Prefix clears host bits and knows its ends', (t) => {
  const prefix = Prefix.parse('10.1.1.77/24');
  t.equal(prefix.toString(), '10.1.1.0/24');
  t.equal(prefix.last.toString(), '10.1.1.255');
  t.equal(prefix.size, 256n);
  t.equal(Prefix.parse('2001:db8::5/64').toString(), '2001:db8::/64');
  t.ok(prefix.overlaps(Prefix.parse('10.1.0.0/16')));
  t.ok(Prefix.parse('10.1.0.0/16').overlaps(prefix));
  t.notOk(prefix.overlaps(Prefix.parse('10.1.2.0/24')));
  t.notOk(prefix.overlaps(Prefix.parse('2001:db8::/64')));
  for (const text of ['10.1.1.0', '10.1.1.0/33', '10.1.1.0/-1', '2001:db8::/129', '10.1.1.0/024', '/24']) {
    t.throws(() => Prefix.parse(text), { code: 'invalid' }, text);
  }
  t.end();
});

t.test('every IPv6 prefix length is accepted', (t) => {
  for (let length = 0; length <= 128; length++) t.equal(Prefix.parse(`2001:db8::/${length}`).length, length);
  t.end();
});

t.test('a MAC address from an IP address is locally administered unicast', (t) => {
  t.equal(Mac.fromIp(IpAddress.parse('10.1.1.2')).toString(), '02:02:0a:01:01:02');
  t.equal(Mac.parse('02:02:0A:01:01:02').toString(), '02:02:0a:01:01:02');
  t.throws(() => Mac.parse('02:02:0a:01:01'), { code: 'invalid' });
  t.end();
});
