import t from 'tap';
import { bridgeMac, bridgeName, containerLinkName, isBridgeName, isPortName, isVxlanName, portName, vxlanName } from '../../../src/fabric/names.js';
import { IpAddress, Mac } from '../../../src/model/address.js';

const id = '0123456789abcdef'.repeat(4);

t.test('names fit the 15 characters that Linux gives them, and are known again', (t) => {
  for (const name of [bridgeName(0), bridgeName(16777215), portName(id), containerLinkName(id)]) t.ok(name.length <= 15, name);
  t.equal(bridgeName(16777215), 'br16777215');
  t.equal(portName(id), 'vr-0123456789ab');
  t.equal(containerLinkName(id), 'vc-0123456789ab');
  t.equal(vxlanName(16777215), 'vx16777215');
  t.ok(isVxlanName('vx0') && isVxlanName('vx16777215'));
  for (const name of ['vx16777216', 'vx01', 'vx', 'br1', 'vxlan1']) t.notOk(isVxlanName(name), name);
  t.ok(isBridgeName(bridgeName(16777215)) && isBridgeName(bridgeName(0)) && isPortName(portName(id)));
  for (const name of ['br16777216', 'br01', 'br', 'br-1', 'bridge1', 'br1x', '', 'vr-0123456789ab']) t.notOk(isBridgeName(name), name);
  for (const name of ['vc-0123456789ab', 'vr-0123456789', 'vr-0123456789AB', 'lo', 'br1']) t.notOk(isPortName(name), name);
  t.end();
});

t.test('what is no VNI or endpoint id has no name', (t) => {
  for (const vni of [-1, 16777216, 1.5, NaN]) {
    t.throws(() => bridgeName(vni), RangeError);
    t.throws(() => bridgeMac(vni), RangeError);
  }
  for (const text of ['', '0123', '../0123456789ab', id.toUpperCase()]) t.throws(() => portName(text), RangeError, text);
  t.end();
});

t.test("a bridge's MAC address holds its VNI and is never an endpoint's", (t) => {
  t.equal(bridgeMac(1).toString(), '02:01:00:00:00:01');
  t.equal(bridgeMac(16777215).toString(), '02:01:00:ff:ff:ff');
  t.notOk(bridgeMac(1).equals(Mac.fromIp(IpAddress.parse('0.0.0.1'))));
  t.end();
});
