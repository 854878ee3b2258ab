import fc from 'fast-check';
import t from 'tap';
import { protocols } from '../../../src/model/service.js';
import { formatPort, parsePort, parsePorts } from '../../../src/wire/ports.js';

t.test('ports that are accepted, and their canonical text', (t) => {
  for (const [text, port, targetPort, protocol, canonical] of [
    ['8080:80:TCP', 8080, 80, 'tcp', '8080:80:TCP'],
    ['8080:80:tcp', 8080, 80, 'tcp', '8080:80:TCP'],
    ['53:5353:Udp', 53, 5353, 'udp', '53:5353:UDP'],
    ['1:65535:UDP', 1, 65_535, 'udp', '1:65535:UDP'],
  ] as const) {
    t.same(parsePort(text), { port, targetPort, protocol }, text);
    t.equal(formatPort(parsePort(text)), canonical);
  }
  t.end();
});

t.test('what is refused says why', (t) => {
  for (const [text, why] of [
    ['80', 'write it as port:targetPort:protocol, for example 8080:80:TCP'],
    ['', 'write it as port:targetPort:protocol, for example 8080:80:TCP'],
    ['80:80', 'write it as port:targetPort:protocol, for example 8080:80:TCP'],
    ['80:80:TCP:1', 'write it as port:targetPort:protocol, for example 8080:80:TCP'],
    ['0:80:TCP', 'port "0" is not a number in 1..65535'],
    ['65536:80:TCP', 'port "65536" is not a number in 1..65535'],
    ['-1:80:TCP', 'port "-1" is not a number in 1..65535'],
    ['+80:80:TCP', 'port "+80" is not a number in 1..65535'],
    ['080:80:TCP', 'port "080" is not a number in 1..65535'],
    ['0x50:80:TCP', 'port "0x50" is not a number in 1..65535'],
    [' 80:80:TCP', 'port " 80" is not a number in 1..65535'],
    [':80:TCP', 'port "" is not a number in 1..65535'],
    ['http:80:TCP', 'port "http" is not a number in 1..65535'],
    ['80:70000:TCP', 'target port "70000" is not a number in 1..65535'],
    ['80:1.5:TCP', 'target port "1.5" is not a number in 1..65535'],
    ['80:80:', 'unknown protocol "", use TCP or UDP'],
    ['80:80:SCTP', 'unknown protocol "SCTP", use TCP or UDP'],
    ['80:80:TCP ', 'unknown protocol "TCP ", use TCP or UDP'],
  ] as const) {
    t.throws(() => parsePort(text), { code: 'invalid', message: `invalid port mapping "${text}": ${why}` }, text);
  }
  t.end();
});

t.test('all ports are checked, not only the first', (t) => {
  t.throws(() => parsePorts(['80:80:TCP', '70000:80:TCP']), { code: 'invalid', message: /"70000:80:TCP"/ });
  t.throws(() => parsePorts([]), { code: 'invalid', message: /at least one port/ });
  t.throws(() => parsePorts(['80:80:TCP', '53:53:UDP', '80:8080:tcp']), { code: 'invalid', message: 'invalid port mapping "80:8080:tcp": port 80/TCP is given twice, and can lead to one target port only' });
  t.throws(() => parsePorts(['80:80:TCP', '80:80:TCP']), { code: 'invalid', message: /given twice/ });
  t.same(parsePorts(['53:53:TCP', '53:53:UDP', '54:53:UDP']).map(formatPort), ['53:53:TCP', '53:53:UDP', '54:53:UDP']);
  t.end();
});

t.test('the text of a port parses to the port', (t) => {
  const number = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(number, number, fc.constantFrom(...protocols), (port, targetPort, protocol) =>
      t.same(parsePort(formatPort({ port, targetPort, protocol })), { port, targetPort, protocol }),
    ),
  );
  t.end();
});
