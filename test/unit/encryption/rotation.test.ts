import t from 'tap';
import { isConnectedToAll } from '../../../src/encryption/connection.js';
import { planTunnels } from '../../../src/encryption/plan.js';
import { retirementMs, turnedOver } from '../../../src/encryption/rotation.js';
import { tunnelState } from '../../../src/encryption/state.js';
import { other, own, tunnel } from './bed.js';

const [old, fresh] = [tunnel(1, 0), tunnel(1, 1)];
const later = (keys: readonly typeof old[], newestIsConnected: boolean, firstForMs: number): string[] => turnedOver(keys, { newestIsConnected, firstForMs }).map(({ publicKey }) => publicKey);

t.test('a new key takes the place of the old one when everybody can send to it, and the old one goes later', (t) => {
  t.same(later([old], true, retirementMs), ['key0ofh1'], 'with one key nothing changes');
  t.same(later([], true, retirementMs), []);
  t.same(later([old, fresh], false, retirementMs), ['key0ofh1', 'key1ofh1']);
  t.same(later([old, fresh], true, 0), ['key1ofh1', 'key0ofh1']);
  t.same(later([fresh, old], false, retirementMs - 1), ['key1ofh1', 'key0ofh1'], 'once it is the first it stays so');
  t.same(later([fresh, old], false, retirementMs), ['key1ofh1']);
  t.end();
});

t.test('a device is connected to all when it has a session with each that is not over', (t) => {
  const { devices } = planTunnels({ own: [own(1)], others: [other(2, 0), other(3, 0)], mtu: 1440 });
  const [device] = devices.values();
  if (!device) throw new Error('there is no device');
  const heard = (...handshakes: (number | undefined)[]) =>
    tunnelState([{ ...device, peers: new Map([...device.peers].map(([key, peer], index) => [key, { ...peer, ...(handshakes[index] === undefined ? {} : { handshake: handshakes[index] }) }])) }], []);
  const all = ['key0ofh2', 'key0ofh3'];
  t.ok(isConnectedToAll(heard(1000, 2000), 'netctl-wg0', all, 180_999));
  t.notOk(isConnectedToAll(heard(1000, 2000), 'netctl-wg0', all, 181_000), 'the first one is over');
  t.notOk(isConnectedToAll(heard(1000), 'netctl-wg0', all, 1000));
  t.ok(isConnectedToAll(heard(1000), 'netctl-wg0', ['key0ofh2'], 1000));
  t.notOk(isConnectedToAll(heard(1000, 1000), 'netctl-wg0', ['key0ofh4'], 1000), 'of a key that it does not know');
  t.notOk(isConnectedToAll(heard(1000, 1000), 'netctl-wg1', all, 1000), 'there is no such device');
  t.ok(isConnectedToAll(tunnelState([], []), 'netctl-wg0', [], 0), 'to nobody');
  t.end();
});
