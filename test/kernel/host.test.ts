import '../support/throw-away-host.js';
import t from 'tap';
import type { Protocol } from '../../src/model/service.js';
import { addresses, ask, startBed } from './host-bed.js';

/** Who asks, for what address and port, and the answer: who serves, and whom it sees. */
type Step = readonly [from: string, address: string, port: number, answer: string];

await startBed();

const protocols: readonly Protocol[] = ['tcp', 'udp'];

function asked(name: string, steps: readonly Step[]): void {
  t.test(name, async (t) => {
    for (const protocol of protocols) {
      for (const [from, address, port, answer] of steps) t.equal(await ask(from, protocol, address, port, answer), answer, `${from} to ${address} ${protocol} ${port}`);
    }
  });
}

asked('containers of both tenants reach out, and outside the host is seen', [
  ['b1', addresses.lan[4], 9000, `lan ${addresses.host[4]}`],
  ['r1', addresses.lan[4], 9000, `lan ${addresses.host[4]}`],
  ['b2', addresses.lan[6], 9000, `lan ${addresses.host[6]}`],
  ['r1', addresses.lan[6], 9000, `lan ${addresses.host[6]}`],
]);

asked('a neighbour reaches what is published, and is seen', [
  ['lan', addresses.host[4], 80, `b1 ${addresses.lan[4]}`],
  ['lan', addresses.host[6], 80, `b1 ${addresses.lan[6]}`],
  ['lan', addresses.host[4], 81, `r1 ${addresses.lan[4]}`],
  ['lan', addresses.host[6], 81, `r1 ${addresses.lan[6]}`],
  ['lan', addresses.host[4], 82, `b2 ${addresses.lan[4]}`],
]);

asked('the host reaches what is published at its loopback and at its own addresses', [
  ['host', '127.0.0.1', 80, 'b1 169.254.240.0'],
  ['host', '::1', 80, 'b1 fd6e:6574:6374:6c::'],
  ['host', addresses.host[4], 81, 'r1 169.254.240.2'],
  ['host', addresses.host[6], 81, 'r1 fd6e:6574:6374:6c::2'],
  ['host', '127.0.0.1', 83, 'b2 169.254.240.0'],
  ['host', '127.0.0.1', 82, 'refused'],
  ['host', addresses.host[4], 83, 'refused'],
]);

asked('containers reach what is published, their own and that of others', [
  ['b1', addresses.host[4], 80, 'b1 169.254.240.0'],
  ['b1', addresses.host[6], 80, 'b1 fd6e:6574:6374:6c::'],
  ['b2', addresses.host[4], 80, 'b1 169.254.240.0'],
  ['r1', addresses.host[4], 80, 'b1 169.254.240.0'],
  ['r1', addresses.host[6], 80, 'b1 fd6e:6574:6374:6c::'],
  ['b1', addresses.host[4], 81, 'r1 169.254.240.2'],
  ['r1', addresses.host[4], 81, 'r1 169.254.240.2'],
]);
