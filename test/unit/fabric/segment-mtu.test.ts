import t from 'tap';
import { encryptedSegmentMtu, segmentMtu, tunnelMtu } from '../../../src/fabric/segment-mtu.js';
import { IpAddress } from '../../../src/model/address.js';

const on = (underlay: string, underlayMtu: number): { underlay: IpAddress; underlayMtu: number } => ({ underlay: IpAddress.parse(underlay), underlayMtu });

t.test('segments take what every host can send', (t) => {
  const mtus = (...hosts: ReturnType<typeof on>[]): number[] => [segmentMtu(hosts), tunnelMtu(hosts), encryptedSegmentMtu(hosts)];
  t.same(mtus(on('192.0.2.1', 1500)), [1450, 1440, 1370]);
  t.same(mtus(on('2001:db8::1', 1500)), [1430, 1420, 1350]);
  t.same(mtus(on('192.0.2.1', 9000), on('192.0.2.2', 1400)), [1350, 1340, 1270], 'the smallest decides');
  t.end();
});
