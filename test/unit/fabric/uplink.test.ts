import t from 'tap';
import { defaultUplinkRanges, isUplinkName, uplinkCapacity, uplinkLink, type UplinkRanges } from '../../../src/fabric/uplink.js';
import { Prefix } from '../../../src/model/address.js';

const ranges = (ipv4: string, ipv6: string): UplinkRanges => ({ ipv4: Prefix.parse(ipv4), ipv6: Prefix.parse(ipv6) });
const linkOf = (index: number, of = defaultUplinkRanges): ReturnType<typeof uplinkLink> => uplinkLink({ host: 'h1', tenant: 'blue', index }, of);

t.test('both ends of an uplink are made of its number', (t) => {
  t.same(JSON.parse(JSON.stringify(linkOf(258))), {
    tenant: 'blue',
    host: { link: 'nu-258', mac: '02:03:00:01:02:00', ipv4: '169.254.242.4', ipv6: 'fd6e:6574:6374:6c::204' },
    router: { link: 'uplink', mac: '02:03:00:01:02:01', ipv4: '169.254.242.5', ipv6: 'fd6e:6574:6374:6c::205' },
  });
  t.end();
});

t.test('no two uplinks share anything, and all are in the ranges', (t) => {
  const links = Array.from({ length: uplinkCapacity(defaultUplinkRanges) }, (_, index) => linkOf(index));
  t.equal(links.length, 2048);
  const ends = links.flatMap(({ host, router }) => [host, router]);
  t.equal(new Set(ends.flatMap(({ mac, ipv4, ipv6 }) => [mac.text, ipv4.toString(), ipv6.toString()])).size, 3 * 2 * links.length);
  t.ok(ends.every(({ ipv4, ipv6 }) => defaultUplinkRanges.ipv4.contains(ipv4) && defaultUplinkRanges.ipv6.contains(ipv6)));
  t.ok(links.every(({ host }) => isUplinkName(host.link) && host.link.length <= 15));
  t.end();
});

t.test('the smaller range says how many there may be', (t) => {
  t.equal(uplinkCapacity(ranges('10.0.0.0/30', 'fd00::/64')), 2);
  t.equal(uplinkCapacity(ranges('10.0.0.0/8', 'fd00::/126')), 2);
  t.equal(uplinkCapacity(ranges('10.0.0.0/32', 'fd00::/64')), 0);
  const two = ranges('10.0.0.0/30', 'fd00::/64');
  t.equal(linkOf(1, two).router.ipv4.toString(), '10.0.0.3');
  for (const index of [-1, 0.5, 2]) t.throws(() => linkOf(index, two), RangeError, `number ${index}`);
  t.end();
});

t.test("only a host's end has the name of one", (t) => {
  for (const name of ['uplink', 'nu-', 'nu-01', 'nu-a', 'xnu-1', 'nu-123456789']) t.notOk(isUplinkName(name), name);
  t.end();
});
