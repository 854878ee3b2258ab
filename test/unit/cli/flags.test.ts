import t from 'tap';
import type { NetworkObject, ServiceObject } from '../../../src/wire/objects.js';
import { Api, ok } from './harness.js';

/** Every way to write the same network; each line must send the same body. */
const networkLines = [
  'net create n --subnet 10.1.1.0/24 --gateway 10.1.1.254 --tenant blue',
  'net create n --subnet=10.1.1.0/24 --gateway=10.1.1.254 --tenant=blue',
  'net create n -subnet 10.1.1.0/24 -gateway 10.1.1.254 -tenant blue',
  'net create n -subnet=10.1.1.0/24 -gateway=10.1.1.254 -tenant=blue',
  'net create n -s 10.1.1.0/24 -g 10.1.1.254 -t blue',
  'net create n --s 10.1.1.0/24 --g 10.1.1.254 --t blue',
  'net create n -s=10.1.1.0/24 -g=10.1.1.254 -t=blue',
  'net create -s 10.1.1.0/24 -g 10.1.1.254 -t blue n',
  'net create -s 10.1.1.0/24 n -g 10.1.1.254 -t blue',
  'network create -t blue n -s=10.1.1.0/24 -g 10.1.1.254',
  'net create -s 10.1.1.0/24 -g 10.1.1.254 -t blue -- n',
  'net -t blue create n -s 10.1.1.0/24 -g 10.1.1.254',
];

t.test('one dash or two, before or after the name', async (t) => {
  const api = await Api.listen({ 'POST /api/v1/networks/blue:n/': ok({}) });
  t.teardown(() => api.close());
  for (const line of networkLines) {
    api.seen.length = 0;
    const { code, stderr } = await api.netctl(...line.split(' '));
    t.strictSame({ code, stderr }, { code: 0, stderr: '' }, line);
    const body = api.seen.find(({ method }) => method === 'POST')?.body as NetworkObject | undefined;
    t.strictSame([body?.networkName, body?.tenantName, body?.subnet, body?.gateway], ['n', 'blue', '10.1.1.0/24', '10.1.1.254'], line);
  }
});

interface ServiceCase {
  readonly words: readonly string[];
  readonly sends: Partial<ServiceObject>;
}
const serviceCases: readonly ServiceCase[] = [
  { words: ['-ip', '100.1.1.9'], sends: { ipAddress: '100.1.1.9' } },
  { words: ['--ip=100.1.1.9'], sends: { ipAddress: '100.1.1.9' } },
  { words: ['-preferred-ip', '100.1.1.9'], sends: { ipAddress: '100.1.1.9' } },
  { words: ['-ip', '2001:db8::1', '-ip', '100.1.1.9'], sends: { ipAddress: '100.1.1.9', ipv6Address: '2001:db8::1' } },
  { words: ['-ip', '2001:db8::1'], sends: { ipAddress: '2001:db8::1' } },
  { words: ['--algorithm', 'source', '--weight', 'version=2:10', '--weight=v in (2,3):25'], sends: { algorithm: 'source', weights: ['version=2:10', 'v in (2,3):25'] } },
  { words: ['--prefer', 'local'], sends: { prefer: 'local' } },
  { words: ['--weight', 'none'], sends: { weights: [] } },
  // It would be the number 100.1 to a parser that guesses.
  { words: ['-ip', '100.10'], sends: { ipAddress: '100.10' } },
  { words: ['--selector', 'key in (a,b)'], sends: { selectors: ['a=b', 'key in (a,b)'] } },
  { words: ['--selector=!key', '-l', 'x!=y'], sends: { selectors: ['a=b', '!key', 'x!=y'] } },
  { words: ['--selector=tier='], sends: { selectors: ['a=b', 'tier='] } },
  { words: ['-selector=tier=web', '-l=b=c=d'], sends: { selectors: ['a=b', 'tier=web', 'b=c=d'] } },
  { words: ['--selector='], sends: { selectors: ['a=b', ''] } },
  { words: ['-l', 'io.contiv.tier=web'], sends: { selectors: ['a=b', 'io.contiv.tier=web'] } },
  { words: ['-port', '53:53:udp', '--p=1:1:tcp'], sends: { ports: ['80:80:TCP', '53:53:udp', '1:1:tcp'] } },
  { words: ['--port', '443'], sends: { ports: ['80:80:TCP', '443'] } },
];

t.test('values reach the API as they were typed, and repeated flags swallow no name', async (t) => {
  const api = await Api.listen({
    'POST /api/v1/serviceLBs/default:s/': ok({}),
    'GET /api/v1/inspect/serviceLBs/default:s/': ok({ Config: {}, Oper: {} }),
  });
  t.teardown(() => api.close());
  for (const { words, sends } of serviceCases) {
    for (const line of [[...words, 's'], ['s', ...words]]) {
      api.seen.length = 0;
      const { code, stderr } = await api.netctl('service', 'create', '-s', 'n', '-l', 'a=b', '-p', '80:80:TCP', ...line);
      t.strictSame({ code, stderr }, { code: 0, stderr: '' }, line.join(' '));
      t.match(api.seen.find(({ method }) => method === 'POST')?.body, sends, line.join(' '));
    }
  }
});

t.test('a name is a name, whatever it looks like', async (t) => {
  const api = await Api.listen({});
  t.teardown(() => api.close());
  const names = ['007', '1e3', '0x10', '1.50', 'help', 'version', 'completion', 'create', 'ls', 'network', 'true', 'a:b', '../x', 'ä', '..'];
  for (const name of names) {
    api.seen.length = 0;
    const { code } = await api.netctl('tenant', 'create', name);
    t.equal(code, 3, `${name} reached the API, which knows no such path here`);
    t.match(api.seen.at(-1), { method: 'POST', body: { tenantName: name } }, name);
  }
  t.equal((await api.netctl('tenant', 'create', '--', '--dashed')).code, 3);
  t.match(api.seen.at(-1)?.body, { tenantName: '--dashed' });
});
