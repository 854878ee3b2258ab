import t from 'tap';
import { chooseUnderlay, type HostAddress } from '../../../src/host/underlay.js';
import { IpAddress } from '../../../src/model/address.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);
const on = (link: string, address: string, mtu = 1500): HostAddress => ({ link, address: ip(address), mtu });

const lan = on('eth0', '192.168.50.11');
const storage = on('eth1', '10.9.0.11', 9000);
const sixth = on('eth0', '2001:db8::11');

const chosen = (...args: Parameters<typeof chooseUnderlay>): string => {
  const { address, mtu } = chooseUnderlay(...args);
  return `${address.toString()} ${mtu}`;
};

t.test('which address is the one on the underlay', (t) => {
  t.equal(chosen([storage, lan], ['eth0']), '192.168.50.11 1500', 'of the link of the default route');
  t.equal(chosen([lan, storage], ['eth1', 'eth0']), '10.9.0.11 9000', 'of the preferred one');
  t.equal(chosen([lan, storage], ['ppp0', 'eth0']), '192.168.50.11 1500', 'of one that has an address');
  t.equal(chosen([sixth, lan], ['eth0']), '192.168.50.11 1500', 'IPv4 first');
  t.equal(chosen([sixth, storage], ['eth0']), '2001:db8::11 1500', 'but of that link');
  t.equal(chosen([lan, on('eth0', '192.168.50.99')], ['eth0']), '192.168.50.11 1500', 'the one that the kernel lists first');
  t.equal(chosen([lan, sixth], []), '192.168.50.11 1500', 'of the only link');
  t.equal(chosen([lan, storage], ['eth0'], ip('10.9.0.11')), '10.9.0.11 9000', 'the one that was asked for');
  t.end();
});

t.test('and when it is not clear', (t) => {
  t.throws(() => chooseUnderlay([], []), { code: 'invalid', message: /^this host has no address by which the other hosts could reach it: / });
  t.throws(() => chooseUnderlay([lan, storage], []), { code: 'invalid', message: /say so with --underlay-address \(it has 192\.168\.50\.11 on eth0, 10\.9\.0\.11 on eth1\)$/ });
  t.throws(() => chooseUnderlay([lan], ['eth0'], ip('10.9.0.11')), { code: 'invalid', message: 'underlay-address is 10.9.0.11, which this host does not have: it has 192.168.50.11 on eth0' });
  t.throws(() => chooseUnderlay([], [], ip('10.9.0.11')), { message: /: it has none$/ });
  t.end();
});
