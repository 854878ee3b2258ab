import t from 'tap';
import { trafficOf, type CountedElement } from '../../../src/nat/traffic.js';

const leg = (key: string, mark: string, packets: number, bytes: number): CountedElement => ({ set: 'legs', key, data: mark, packets, bytes });
const further = (key: string, packets: number, bytes: number): CountedElement => ({ set: 'traffic', key, packets, bytes });

t.test('the first packet of each connection and all others are put together', (t) => {
  const legs = [leg('10.1.0.100 . tcp . 80 . 10.1.0.1', '7', 2, 120), leg('2001:db8::100 . udp . 53 . 2001:db8::1', '4294967295', 1, 80), leg('10.1.0.100 . tcp . 80 . 10.1.0.2', '70', 0, 0)];
  const traffic = [further('7 . original', 10, 1000), further('7 . reply', 20, 2000), further('4294967295 . reply', 3, 300)];
  t.same(JSON.parse(JSON.stringify(trafficOf(legs, traffic))), [
    { service: '10.1.0.100', protocol: 'tcp', port: 80, provider: '10.1.0.1', connections: 2, received: { packets: 12, bytes: 1120 }, sent: { packets: 20, bytes: 2000 } },
    { service: '2001:db8::100', protocol: 'udp', port: 53, provider: '2001:db8::1', connections: 1, received: { packets: 1, bytes: 80 }, sent: { packets: 3, bytes: 300 } },
    { service: '10.1.0.100', protocol: 'tcp', port: 80, provider: '10.1.0.2', connections: 0, received: { packets: 0, bytes: 0 }, sent: { packets: 0, bytes: 0 } },
  ]);
  t.end();
});

t.test('what is not a leg is left out', (t) => {
  for (const key of ['', '10.1.0.100 . tcp . 80', '10.1.0.100 . tcp . 080 . 10.1.0.1', '10.1.0.100 . 132 . 80 . 10.1.0.1', '10.1.0.100 . tc . 80 . 10.1.0.1', '10.1.0.256 . tcp . 80 . 10.1.0.1', '2001:db8:0::1 . tcp . 80 . 10.1.0.1']) {
    t.same(trafficOf([leg(key, '7', 1, 60)], []), [], key);
  }
  t.same(trafficOf([leg('10.1.0.100 . tcp . 80 . 10.1.0.1', '7', 1, 60)], [further('7 . sideways', 1, 1), further('x . reply', 1, 1)]).map(({ sent }) => sent.packets), [0]);
  t.end();
});
