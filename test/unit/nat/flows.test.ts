import t from 'tap';
import { staleFlows } from '../../../src/nat/flows.js';
import type { Flow } from '../../../src/nat/input.js';
import type { Protocol } from '../../../src/model/service.js';
import { ip, service } from './arbitraries.js';

const flow = (protocol: Protocol, to: string, port: number, provider: string, targetPort: number): Flow => ({
  protocol,
  client: { address: ip(to.includes(':') ? '2001:db8::c' : '10.2.0.9'), port: 40_000 },
  service: { address: ip(to), port },
  provider: { address: ip(provider), port: targetPort },
});

const web = service(['10.1.0.100', '2001:db8::100'], ['80:8080/tcp', '53:5353/udp'], ['10.1.0.1', '2001:db8::1']);
const living = { addresses: ['10.1.0.1', '10.1.0.2', '2001:db8::1'].map(ip), services: [web] };

t.test('one connection', (t) => {
  for (const [what, candidate, isStale] of [
    ['TCP to a provider', flow('tcp', '10.1.0.100', 80, '10.1.0.1', 8080), false],
    ['TCP to one that lives and provides no more', flow('tcp', '10.1.0.100', 80, '10.1.0.2', 8080), false],
    ['TCP of a port that the service no longer has', flow('tcp', '10.1.0.100', 81, '10.1.0.1', 8081), false],
    ['TCP of a service that is gone', flow('tcp', '10.1.0.101', 80, '10.1.0.1', 8080), false],
    ['TCP to one that is gone', flow('tcp', '10.1.0.100', 80, '10.1.0.3', 8080), true],
    ['TCP over IPv6 to a provider', flow('tcp', '2001:db8::100', 80, '2001:db8::1', 8080), false],
    ['TCP over IPv6 to one that is gone', flow('tcp', '2001:db8::100', 80, '2001:db8::2', 8080), true],
    ['UDP to a provider', flow('udp', '10.1.0.100', 53, '10.1.0.1', 5353), false],
    ['UDP over IPv6 to a provider', flow('udp', '2001:db8::100', 53, '2001:db8::1', 5353), false],
    ['UDP to one that lives and provides no more', flow('udp', '10.1.0.100', 53, '10.1.0.2', 5353), true],
    ['UDP to one that is gone', flow('udp', '10.1.0.100', 53, '10.1.0.3', 5353), true],
    ['UDP to the target port of before', flow('udp', '10.1.0.100', 53, '10.1.0.1', 5354), true],
    ['UDP of a port that the service has for TCP only', flow('udp', '10.1.0.100', 80, '10.1.0.1', 8080), true],
    ['UDP to a service IP from before there was the service', flow('udp', '10.1.0.100', 53, '10.1.0.100', 53), true],
    ['UDP over IPv6 to a service IP from before, where no port is', flow('udp', '2001:db8::100', 54, '2001:db8::100', 54), true],
    ['UDP to a container that is a provider, but not through the service', flow('udp', '10.1.0.1', 5353, '10.1.0.1', 5353), false],
    ['UDP to a container that is gone, not through a service', flow('udp', '10.1.0.3', 5353, '10.1.0.3', 5353), false],
    ['UDP of a service that is gone', flow('udp', '10.1.0.101', 53, '10.1.0.1', 5353), true],
  ] as const) {
    t.same(staleFlows([candidate], living), isStale ? [candidate] : [], what);
  }
  t.end();
});

t.test('all flows of a service without providers', (t) => {
  const flows = [flow('udp', '10.1.0.100', 53, '10.1.0.1', 5353), flow('tcp', '10.1.0.100', 80, '10.1.0.1', 8080)];
  t.same(staleFlows(flows, { addresses: [], services: [{ ...web, providers: [] }] }), flows);
  t.same(staleFlows(flows, { addresses: [], services: [] }), flows);
  t.end();
});
