import t from 'tap';
import { IpAddress, Mac } from '../../../src/model/address.js';
import type { Endpoint } from '../../../src/model/endpoint.js';
import type { Protocol, Service } from '../../../src/model/service.js';
import type { Flow } from '../../../src/nat/input.js';
import type { ProviderTraffic } from '../../../src/nat/traffic.js';
import { byServiceIp, sum, tallyService, type Answering } from '../../../src/stats/tally.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);
const endpoint = (id: string, ...addresses: string[]): Endpoint => ({
  ...{ id, tenant: 'default', network: 'n', host: 'h1', sandboxKey: 'x' },
  addresses: addresses.map(ip),
  mac: Mac.parse('02:02:0a:01:01:01'),
});
const [first, second, third] = [endpoint('first', '10.1.1.1', '2001:db8::1'), endpoint('second', '10.1.1.2', '2001:db8::2'), endpoint('third', '10.1.1.3')];
const endpoints = new Map([first, second, third].flatMap((one) => one.addresses.map((address) => [address.toString(), one])));
const service = {
  addresses: [ip('10.9.0.1'), ip('2001:db8:9::1')],
  ports: [
    { port: 80, targetPort: 8080, protocol: 'tcp' },
    { port: 53, targetPort: 53, protocol: 'udp' },
  ],
} as unknown as Service;
const serving: Answering[] = [
  { endpoint: second, draining: true },
  { endpoint: first, draining: false },
];

function traffic(service: string, port: string, provider: string, times = 1): ProviderTraffic {
  const [protocol, number] = port.split(' ');
  const counted = { received: { packets: 5 * times, bytes: 500 * times }, sent: { packets: 4 * times, bytes: 4000 * times } };
  return { service: ip(service), protocol: protocol as Protocol, port: Number(number), provider: ip(provider), connections: times, ...counted };
}

function flow(service: string, port: string, provider: string, ended?: true): Flow {
  const [protocol, number] = port.split(' ');
  const client = { address: ip(service.includes(':') ? '2001:db8:7::1' : '10.7.0.1'), port: 40_000 };
  const own = { protocol: protocol as Protocol, client, service: { address: ip(service), port: Number(number) }, provider: { address: ip(provider), port: 8080 } };
  return ended ? { ...own, ended } : own;
}

/** `STATE ADDRESSES CONNECTIONS/OPEN RECEIVED/SENT` of each provider. */
function tell(reading: { traffic?: ProviderTraffic[]; flows?: Flow[] }, answering = serving): string[][] {
  const ports = tallyService(service, answering, endpoints, byServiceIp({ traffic: [], flows: [], ...reading }));
  return ports.map(({ providers }) =>
    providers.map(({ state, addresses, connections, open, received, sent }) => `${state} ${addresses.join(',')} ${connections}/${open} ${received.packets}:${received.bytes}/${sent.packets}:${sent.bytes}`),
  );
}
const unused = ['serving 10.1.1.1,2001:db8::1 0/0 0:0/0:0', 'draining 10.1.1.2,2001:db8::2 0/0 0:0/0:0'];

t.test('who answers is there without any traffic, in the order of addresses', (t) => {
  t.same(tell({}), [unused, unused]);
  t.same(tell({}, []), [[], []]);
  t.end();
});

t.test('what is counted goes to its port and its provider, both families together', (t) => {
  const counted = [traffic('10.9.0.1', 'tcp 80', '10.1.1.1', 3), traffic('2001:db8:9::1', 'tcp 80', '2001:db8::1'), traffic('10.9.0.1', 'udp 53', '10.1.1.2')];
  const others = [traffic('10.9.0.2', 'tcp 80', '10.1.1.1'), traffic('10.9.0.1', 'udp 80', '10.1.1.1'), traffic('10.9.0.1', 'tcp 81', '10.1.1.1')];
  t.same(tell({ traffic: [...others, ...counted] }), [
    ['serving 10.1.1.1,2001:db8::1 4/0 20:2000/16:16000', unused[1]],
    [unused[0], 'draining 10.1.1.2,2001:db8::2 1/0 5:500/4:4000'],
  ]);
  t.end();
});

t.test('open are connections that are translated and not ended', (t) => {
  const flows = [
    flow('10.9.0.1', 'tcp 80', '10.1.1.1'),
    flow('2001:db8:9::1', 'tcp 80', '2001:db8::1'),
    flow('10.9.0.1', 'tcp 80', '10.1.1.1', true),
    flow('10.9.0.1', 'udp 53', '10.1.1.2'),
    flow('10.9.0.1', 'udp 53', '10.9.0.1'),
    flow('10.9.0.1', 'tcp 81', '10.1.1.1'),
    flow('10.9.0.3', 'tcp 80', '10.1.1.1'),
  ];
  t.same(tell({ flows }), [
    ['serving 10.1.1.1,2001:db8::1 0/2 0:0/0:0', unused[1]],
    [unused[0], 'draining 10.1.1.2,2001:db8::2 0/1 0:0/0:0'],
  ]);
  t.end();
});

t.test('who has connections from before is a former provider, known or not', (t) => {
  const flows = [flow('10.9.0.1', 'tcp 80', '10.1.1.3'), flow('10.9.0.1', 'tcp 80', '10.1.1.99')];
  t.same(tell({ flows, traffic: [traffic('10.9.0.1', 'tcp 80', '10.1.1.3')] })[0], [...unused, 'former 10.1.1.3 1/1 5:500/4:4000', 'former 10.1.1.99 0/1 0:0/0:0']);
  t.end();
});

t.test('counts are added up', (t) => {
  const [ports] = [tallyService(service, [], endpoints, byServiceIp({ flows: [], traffic: [traffic('10.9.0.1', 'tcp 80', '10.1.1.1', 2), traffic('10.9.0.1', 'tcp 80', '10.1.1.2', 3)] }))];
  t.same(sum(ports[0]?.providers ?? []), { connections: 5, open: 0, received: { packets: 25, bytes: 2500 }, sent: { packets: 20, bytes: 20_000 } });
  t.end();
});
