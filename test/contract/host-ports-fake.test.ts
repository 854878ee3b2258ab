import t from 'tap';
import { FakeHostPorts } from '../../daemon/kernel/host-ports-fake.js';
import { hostPortsContract, port } from './host-ports.js';

t.test('FakeHostPorts', async (t) => {
  const ports = new FakeHostPorts();
  await hostPortsContract(t, ports);
  t.same(ports.held, []);
});

t.test('what other programs have is refused', (t) => {
  const ports = new FakeHostPorts();
  ports.taken.push(port('tcp', '127.0.0.1', 80));
  t.throws(() => ports.hold(port('tcp', '0.0.0.0', 80)), { code: 'conflict' });
  ports.hold(port('udp', '0.0.0.0', 80));
  t.same(ports.held, [port('udp', '0.0.0.0', 80)]);
  t.end();
});
