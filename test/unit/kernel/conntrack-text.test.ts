import t from 'tap';
import { parseFlows, renderRemoval } from '../../../daemon/kernel/conntrack-text.js';

// As conntrack 1.4.7 prints them.
const tcp = 'ipv4     2 tcp      6 299 ESTABLISHED src=10.2.0.9 dst=10.1.0.100 sport=40000 dport=80 src=10.1.0.1 dst=10.2.0.9 sport=8080 dport=40000 [ASSURED] mark=0 use=1';
const counted = 'ipv4     2 tcp      6 299 ESTABLISHED src=10.2.0.9 dst=10.1.0.100 sport=40001 dport=80 packets=3 bytes=164 src=10.1.0.2 dst=10.2.0.9 sport=8080 dport=40001 packets=2 bytes=120 [ASSURED] mark=0 use=1';
const udp = 'ipv4     2 udp      17 29 src=10.2.0.9 dst=10.1.0.100 sport=40000 dport=53 [UNREPLIED] src=10.1.0.1 dst=10.2.0.9 sport=5353 dport=40000 mark=0 use=1';
const udp6 = 'ipv6     10 udp      17 29 src=2001:db8:2::9 dst=2001:db8:1::100 sport=1001 dport=53 src=2001:db8:1::1 dst=2001:db8:2::9 sport=5353 dport=1001 mark=0 use=1';
const icmp = 'ipv4     2 icmp     1 29 src=10.2.0.9 dst=10.1.0.100 type=8 code=0 id=1 src=10.1.0.1 dst=10.2.0.9 type=0 code=0 id=1 mark=0 use=1';

t.test('flows are read', (t) => {
  const texts = parseFlows([tcp, counted, udp, icmp, udp6, ''].join('\n')).map((flow) => JSON.stringify(flow));
  t.same(texts.map((text) => JSON.parse(text) as unknown), [
    { protocol: 'tcp', client: { address: '10.2.0.9', port: 40000 }, service: { address: '10.1.0.100', port: 80 }, provider: { address: '10.1.0.1', port: 8080 } },
    { protocol: 'tcp', client: { address: '10.2.0.9', port: 40001 }, service: { address: '10.1.0.100', port: 80 }, provider: { address: '10.1.0.2', port: 8080 } },
    { protocol: 'udp', client: { address: '10.2.0.9', port: 40000 }, service: { address: '10.1.0.100', port: 53 }, provider: { address: '10.1.0.1', port: 5353 } },
    { protocol: 'udp', client: { address: '2001:db8:2::9', port: 1001 }, service: { address: '2001:db8:1::100', port: 53 }, provider: { address: '2001:db8:1::1', port: 5353 } },
  ]);
  t.end();
});

t.test('what TCP has closed is told', (t) => {
  const ended = (state: string): boolean | undefined => parseFlows(tcp.replace('ESTABLISHED', state))[0]?.ended;
  t.same(['TIME_WAIT', 'LAST_ACK', 'CLOSE'].map(ended), [true, true, true]);
  // Of these, one side may still have something to say.
  t.same(['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'CLOSE_WAIT'].map(ended), [undefined, undefined, undefined, undefined, undefined]);
  t.end();
});

t.test('one line forgets all clients of a provider, if all are to go', (t) => {
  const clients = ['40000', '40001', '40002'].map((port) => udp.replaceAll('40000', port));
  const current = parseFlows([...clients, udp6, tcp].join('\n'));
  const leg = '-D -f ipv4 -p udp --orig-dst 10.1.0.100 --orig-port-dst 53 --reply-src 10.1.0.1 --reply-port-src 5353';
  t.equal(renderRemoval(current.slice(0, 3), current), `${leg}\n`);
  t.equal(renderRemoval(current.slice(0, 2), current), `${leg} --orig-src 10.2.0.9 --orig-port-src 40000\n${leg} --orig-src 10.2.0.9 --orig-port-src 40001\n`);
  t.equal(renderRemoval(current.slice(3, 4), current), '-D -f ipv6 -p udp --orig-dst 2001:db8:1::100 --orig-port-dst 53 --reply-src 2001:db8:1::1 --reply-port-src 5353\n');
  t.equal(renderRemoval(current, []), '', 'what is gone needs no line');
  t.end();
});
