import t, { type Test } from 'tap';
import type { DrainObject, ServiceExplanation, ServiceInspect, ServiceObject } from '../../../src/wire/objects.js';
import { Api, ok, refused, type Reply } from './harness.js';

type Replies = Readonly<Record<string, Reply | readonly Reply[]>>;

async function listening(t: Test, replies: Replies): Promise<Api> {
  const api = await Api.listen(replies);
  t.teardown(() => api.close());
  return api;
}

const web: ServiceObject = { key: 'default:web', tenantName: 'default', serviceName: 'web', networkName: 'n', ports: ['80:80:TCP'], selectors: ['tier=web'] };
const oper = { serviceVip: '10.1.1.1', numProviders: 2, providers: [] };
const inspected = (changes: Partial<ServiceObject>, observed: Partial<ServiceInspect['Oper']> = {}): Reply => ok({ Config: { ...web, ...changes }, Oper: { ...oper, ...observed } });

t.test('service update sends what is given, and tells what became otherwise', async (t) => {
  const api = await listening(t, {
    'GET /api/v1/inspect/serviceLBs/default:web/': [
      inspected({ weights: ['version=3:5'] }),
      inspected({ selectors: ['tier=web', 'a'], algorithm: 'random', weights: ['version=2:10'], prefer: 'local' }, { serviceVip6: '2001:db8::1' }),
    ],
    'PATCH /api/v1/serviceLBs/default:web/': ok(web),
  });
  const words = ['-l', 'tier=web', '-l', 'a', '--algorithm', 'random', '--weight', 'version=2:10', '--prefer', 'local'];
  t.strictSame(await api.netctl('service', 'update', 'web', ...words), {
    code: 0,
    stdout: [
      'Updating ServiceLB default:web',
      '  selectors: [tier=web] -> [tier=web a]',
      '  algorithm: roundrobin -> random',
      '  weights: [version=3:5] -> [version=2:10]',
      '  prefer: any -> local',
      '  service IP: 10.1.1.1 -> 10.1.1.1, 2001:db8::1',
      '',
    ].join('\n'),
    stderr: '',
  });
  t.strictSame(api.seen.find(({ method }) => method === 'PATCH')?.body, { selectors: ['tier=web', 'a'], algorithm: 'random', weights: ['version=2:10'], prefer: 'local' });
});

t.test('service update that changes nothing says so', async (t) => {
  const api = await listening(t, { 'GET /api/v1/inspect/serviceLBs/blue:web/': inspected({}), 'PATCH /api/v1/serviceLBs/blue:web/': ok(web) });
  t.equal((await api.netctl('service', 'update', '-t', 'blue', 'web', '--weight', 'none', '-p', '80:80:tcp', '-s', 'n')).stdout, 'Nothing to do: ServiceLB blue:web is so already\n');
  t.strictSame(api.seen[1]?.body, { networkName: 'n', ports: ['80:80:tcp'], weights: [] });
});

t.test('service update of what is not there, or cannot change', async (t) => {
  const missing = 'service web not found in tenant default';
  const api = await listening(t, { 'GET /api/v1/inspect/serviceLBs/default:web/': [refused(404, missing), inspected({})], 'PATCH /api/v1/serviceLBs/default:web/': refused(409, 'the network of a service cannot change') });
  t.strictSame(await api.netctl('service', 'update', 'web', '-p', '80:80:tcp'), { code: 3, stdout: '', stderr: `netctl: ${missing}\n` });
  t.strictSame(await api.netctl('service', 'update', 'web', '-s', 'other'), { code: 3, stdout: '', stderr: 'netctl: the network of a service cannot change\n' });
});

t.test('service create tells both service IPs', async (t) => {
  const api = await listening(t, { 'POST /api/v1/serviceLBs/default:web/': ok(web), 'GET /api/v1/inspect/serviceLBs/default:web/': inspected({}, { serviceVip6: '2001:db8::1' }) });
  t.equal((await api.netctl('service', 'create', 'web', '-s', 'n', '-l', 'a', '-p', '80:80:tcp')).stdout, 'Creating ServiceLB default:web\nService IP: 10.1.1.1, 2001:db8::1\n');
});

const drained = (name: string, changed: boolean): Reply => ok({ tenantName: 'default', serviceName: 'web', containerID: 'c'.repeat(64), ...(name && { containerName: name }), drained: true, changed } satisfies DrainObject);

t.test('service drain: each container by itself, one that is refused does not keep the others', async (t) => {
  const api = await listening(t, {
    'POST /api/v1/drain/serviceLBs/default:web/web1/': [drained('web1', true), drained('web1', false)],
    'POST /api/v1/drain/serviceLBs/default:web/a%2Fb/': refused(404, 'there is no container "a/b"'),
    'POST /api/v1/drain/serviceLBs/default:web/cccc/': drained('', true),
  });
  t.strictSame(await api.netctl('service', 'drain', 'web', 'web1', 'a/b', 'cccc'), {
    code: 3,
    stdout: 'Draining container web1 of ServiceLB default:web\nDraining container cccccccccccc of ServiceLB default:web\n',
    stderr: 'netctl: there is no container "a/b"\n',
  });
  t.strictSame(await api.netctl('service', 'drain', 'web', 'web1'), { code: 0, stdout: 'Nothing to do: container web1 of ServiceLB default:web is drained already\n', stderr: '' });
});

t.test('service undrain', async (t) => {
  const api = await listening(t, { 'DELETE /api/v1/drain/serviceLBs/blue:web/web1/': [drained('web1', true), drained('web1', false)] });
  t.equal((await api.netctl('service', 'undrain', '-t', 'blue', 'web', 'web1')).stdout, 'Undraining container web1 of ServiceLB blue:web\n');
  t.equal((await api.netctl('service', 'undrain', '-t', 'blue', 'web', 'web1')).stdout, 'Nothing to do: container web1 of ServiceLB blue:web is not drained\n');
});

t.test('service ls --wide has more columns', async (t) => {
  const services = [
    { Config: { ...web, algorithm: 'source', weights: ['v=1:10', 'v=2:20'], prefer: 'local' }, Oper: { ...oper, serviceVip6: '2001:db8::1', drained: ['c'.repeat(64)] } },
    { Config: { ...web, serviceName: 'plain' }, Oper: oper },
  ];
  const api = await listening(t, { 'GET /api/v1/inspect/serviceLBs/?tenant=default&brief=true': ok(services) });
  t.equal(
    (await api.netctl('service', 'ls', '--wide')).stdout,
    [
      'ServiceName  Tenant   Network  Service IP  Ports      Selectors   Providers  Service IPv6  Algorithm   Weights          Prefer  Drained',
      '-----------  ------   -------  ----------  -----      ---------   ---------  ------------  ---------   -------          ------  -------',
      'web          default  n        10.1.1.1    80:80:TCP  [tier=web]  2          2001:db8::1   source      [v=1:10 v=2:20]  local   1',
      'plain        default  n        10.1.1.1    80:80:TCP  [tier=web]  2                        roundrobin                   any     0',
      '',
    ].join('\n'),
  );
});

t.test('service explain tells which weight a provider counts for', async (t) => {
  const container = { containerID: 'c'.repeat(64), homingHost: 'h1', provider: true, reason: 'labels match' };
  const explanation: ServiceExplanation = {
    ...{ tenantName: 'default', serviceName: 'web', selectors: ['tier=web'], algorithm: 'random', weights: ['v=2:10'], prefer: 'local' },
    containers: [
      { ...container, containerName: 'new', weight: 'v=2:10' },
      { ...container, containerName: 'old' },
      { ...container, containerName: 'off', provider: false, reason: 'is paused' },
    ],
  };
  const api = await listening(t, { 'GET /api/v1/explain/serviceLBs/default:web/': ok(explanation) });
  t.equal(
    (await api.netctl('service', 'explain', 'web')).stdout,
    [
      'ServiceLB default:web selects [tier=web], algorithm random, weights [v=2:10], prefer local',
      '',
      'Container  Container ID  Provider  IP  Network  Weight    Reason',
      '---------  ------------  --------  --  -------  ------    ------',
      'new        cccccccccccc  yes                    v=2:10    labels match',
      'old        cccccccccccc  yes                    the rest  labels match',
      'off        cccccccccccc  no                               is paused',
      '',
    ].join('\n'),
  );
});
