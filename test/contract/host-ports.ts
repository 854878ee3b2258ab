import type { Test } from 'tap';
import type { HeldPort, HostPorts } from '../../daemon/kernel/port.js';
import { IpAddress } from '../../src/model/address.js';
import type { Protocol } from '../../src/model/service.js';

export const port = (protocol: Protocol, address: string, number: number): HeldPort => ({ protocol, address: IpAddress.parse(address), port: number });

/** What every implementation of HostPorts does, on a host that has no address but loopback. */
export async function hostPortsContract(t: Test, ports: HostPorts): Promise<void> {
  for (const protocol of ['tcp', 'udp'] as const) {
    await t.test(`${protocol}: a port is held again and again, and released`, (t) => {
      for (const address of ['0.0.0.0', '::', '0.0.0.0', '::']) t.doesNotThrow(() => ports.hold(port(protocol, address, 8080)));
      for (const address of ['0.0.0.0', '::', '0.0.0.0']) t.doesNotThrow(() => ports.release(port(protocol, address, 8080)));
      t.end();
    });

    await t.test(`${protocol}: at one address and at all, a port is held once`, (t) => {
      const [one, all, six] = [port(protocol, '127.0.0.1', 8080), port(protocol, '0.0.0.0', 8080), port(protocol, '::', 8080)];
      ports.hold(one);
      t.throws(() => ports.hold(all), { code: 'conflict', message: `port 8080/${protocol} of the host is in use by another program: choose another one` });
      ports.hold(six);
      ports.hold(port(protocol, '127.0.0.1', 8081));
      ports.release(one);
      ports.hold(all);
      t.throws(() => ports.hold(one), { code: 'conflict', message: `port 8080/${protocol} of 127.0.0.1 is in use by another program: choose another one` });
      for (const held of [all, six, port(protocol, '127.0.0.1', 8081)]) ports.release(held);
      t.end();
    });
  }

  await t.test('TCP and UDP have ports of their own', (t) => {
    for (const protocol of ['tcp', 'udp'] as const) ports.hold(port(protocol, '127.0.0.1', 53));
    for (const protocol of ['tcp', 'udp'] as const) ports.release(port(protocol, '127.0.0.1', 53));
    t.end();
  });

  await t.test('an address that the host does not have is refused', (t) => {
    for (const address of ['192.0.2.1', '2001:db8::1']) {
      t.throws(() => ports.hold(port('tcp', address, 80)), { code: 'invalid', message: `${address} is not an address of this host: publish at one that it has` });
    }
    t.end();
  });
}
