import t, { type Test } from 'tap';
import type { EndpointInspect, EndpointOper, NetworkInspect, NetworkObject, ServiceInspect, ServiceObject, TenantInspect } from '../../../src/wire/objects.js';
import { Api, netctl, ok, refused, type Reply } from './harness.js';

type Replies = Readonly<Record<string, Reply | readonly Reply[]>>;

/** Runs the body against an API that gives these replies. */
function withApi(name: string, replies: Replies, body: (t: Test, api: Api) => Promise<void>): void {
  t.test(name, async (t) => {
    const api = await Api.listen(replies);
    t.teardown(() => api.close());
    await body(t, api);
  });
}
const listOf = (collection: string, tenant = 'default'): string => `GET /api/v1/inspect/${collection}/?tenant=${tenant}&brief=true`;

const contivNet: NetworkObject = {
  key: 'default:contiv-net',
  tenantName: 'default',
  networkName: 'contiv-net',
  nwType: 'data',
  encap: 'vxlan',
  subnet: '10.1.1.0/24',
  gateway: '10.1.1.254',
};
const noAddresses = { numEndpoints: 0, allocatedAddressesCount: 0, allocatedIPAddresses: '', availableIPAddresses: '' };
const networks: NetworkInspect[] = [
  { Config: contivNet, Oper: { pktTag: 1, ...noAddresses, endpoints: [], services: [] } },
  {
    Config: { key: 'blue:n', tenantName: 'blue', networkName: 'n', pktTag: 77, subnet: '10.1.1.0/24', cfgdTag: 'mine' },
    Oper: { pktTag: 77, ...noAddresses, endpoints: [], services: [] },
  },
];

const appService: ServiceObject = {
  key: 'default:app-svc',
  tenantName: 'default',
  serviceName: 'app-svc',
  networkName: 'contiv-srv-net',
  ports: ['8080:80:TCP', '53:53:UDP'],
  selectors: ['tier=web', 'release=stable'],
};
const appInspect: ServiceInspect = { Config: appService, Oper: { serviceVip: '100.1.1.1', numProviders: 4, providers: [] } };

const noTenant = refused(404, 'tenant blue was not found');
const blue = { key: 'blue', tenantName: 'blue' };

withApi(
  'tenant create',
  { 'GET /api/v1/tenants/blue/': [noTenant, ok(blue)], 'POST /api/v1/tenants/blue/': ok(blue) },
  async (t, api) => {
    t.strictSame(await api.netctl('tenant', 'create', 'blue'), { code: 0, stdout: 'Creating tenant: blue\n', stderr: '' });
    t.strictSame(api.seen.at(-1), { method: 'POST', path: '/api/v1/tenants/blue/', body: { tenantName: 'blue' } });
    t.strictSame(await api.netctl('tenant', 'create', 'blue'), {
      code: 0,
      stdout: 'Nothing to do: tenant blue exists already and is the same\n',
      stderr: '',
    });
  },
);

withApi('a creation stops when netctld cannot say what is there', { 'GET /api/v1/tenants/blue/': refused(503, 'the state is not loaded yet') }, async (t, api) => {
  t.strictSame(await api.netctl('tenant', 'create', 'blue'), { code: 3, stdout: '', stderr: 'netctl: the state is not loaded yet\n' });
  t.strictSame(api.asked, ['GET /api/v1/tenants/blue/']);
});

const tenants: TenantInspect[] = [
  { Config: { tenantName: 'blue' }, Oper: { totalNetworks: 0, totalServicelbs: 0, totalEndpoints: 0 } },
  { Config: { tenantName: 'default' }, Oper: { totalNetworks: 3, totalServicelbs: 1, totalEndpoints: 14 } },
];

withApi('tenant ls', { 'GET /api/v1/inspect/tenants/': ok(tenants) }, async (t, api) => {
  const table = [
    'Name     Networks  Services  Endpoints',
    '----     --------  --------  ---------',
    'blue     0         0         0',
    'default  3         1         14',
    '',
  ].join('\n');
  t.strictSame(await api.netctl('tenant', 'ls'), { code: 0, stdout: table, stderr: '' });
  t.equal((await api.netctl('tenant', 'list')).stdout, table);
  t.equal((await api.netctl('tenant', 'ls', '-q')).stdout, 'blue\ndefault\n');
  const json = await api.netctl('tenant', 'ls', '-j');
  t.equal(json.stdout, `${JSON.stringify(JSON.parse(json.stdout), null, 2)}\n`, 'two spaces');
  t.strictSame(JSON.parse(json.stdout), tenants.map(({ Config, Oper }) => ({ ...Config, ...Oper })));
});

withApi('tenant inspect', { 'GET /api/v1/inspect/tenants/blue/': ok(tenants[0]) }, async (t, api) => {
  t.strictSame(await api.netctl('tenant', 'inspect', 'blue'), { code: 0, stdout: `${JSON.stringify(tenants[0], null, 2)}\n`, stderr: '' });
});

withApi(
  'tenant rm goes on after a refusal, and fails in the end',
  {
    'DELETE /api/v1/tenants/a/': ok({}),
    'DELETE /api/v1/tenants/b/': refused(409, 'tenant b is in use by network n: delete that first\n'),
    'DELETE /api/v1/tenants/c/': { status: 204, body: '' },
  },
  async (t, api) => {
    t.strictSame(await api.netctl('tenant', 'rm', 'a', 'b', 'c'), {
      code: 3,
      stdout: 'Deleting tenant a\nDeleting tenant c\n',
      stderr: 'netctl: tenant b is in use by network n: delete that first\n',
    });
  },
);

withApi(
  'network create',
  {
    'GET /api/v1/networks/default:contiv-net/': [refused(404, 'network contiv-net was not found'), ok(contivNet)],
    'POST /api/v1/networks/default:contiv-net/': [ok(contivNet), ok(contivNet), refused(409, 'the subnet of contiv-net cannot change')],
  },
  async (t, api) => {
    const words = ['net', 'create', 'contiv-net', '-s', '10.1.1.0/24', '-g', '10.1.1.254'];
    t.strictSame(await api.netctl(...words), { code: 0, stdout: 'Creating network default:contiv-net\n', stderr: '' });
    t.strictSame(api.seen.at(-1)?.body, {
      tenantName: 'default',
      networkName: 'contiv-net',
      nwType: 'data',
      encap: 'vxlan',
      subnet: '10.1.1.0/24',
      gateway: '10.1.1.254',
    });
    t.strictSame(await api.netctl(...words), {
      code: 0,
      stdout: 'Nothing to do: network default:contiv-net exists already and is the same\n',
      stderr: '',
    });
    t.strictSame(await api.netctl(...words), { code: 3, stdout: '', stderr: 'netctl: the subnet of contiv-net cannot change\n' });
  },
);

withApi('network create with every flag', { 'POST /api/v1/networks/blue:n/': ok({}) }, async (t, api) => {
  const flags = '-t blue -s 10.1.1.0/24 -g 10.1.1.1 -s6 2001:db8::/64 -g6 2001:db8::1 -p 100 -e vxlan -n data -tag mine --encrypt=false'.split(' ');
  t.equal((await api.netctl('network', 'create', ...flags, 'n')).stdout, 'Creating network blue:n\n');
  t.strictSame(api.seen.at(-1)?.body, {
    tenantName: 'blue',
    networkName: 'n',
    nwType: 'data',
    encap: 'vxlan',
    pktTag: 100,
    subnet: '10.1.1.0/24',
    gateway: '10.1.1.1',
    ipv6Subnet: '2001:db8::/64',
    ipv6Gateway: '2001:db8::1',
    cfgdTag: 'mine',
    encrypted: false,
  });
});

withApi('network ls', { [listOf('networks')]: ok([networks[0]]), 'GET /api/v1/inspect/networks/?brief=true': ok(networks), [listOf('networks', 'blue')]: ok([networks[1]]) }, async (t, api) => {
  t.strictSame(await api.netctl('net', 'ls'), {
    code: 0,
    stdout: [
      'Tenant   Network     Nw Type  Encap type  Packet tag  Subnet       Gateway     IPv6Subnet  IPv6Gateway  Cfgd Tag',
      '------   -------     -------  ----------  ----------  ------       -------     ----------  -----------  --------',
      'default  contiv-net  data     vxlan       1           10.1.1.0/24  10.1.1.254',
      '',
    ].join('\n'),
    stderr: '',
  });
  t.equal((await api.netctl('net', 'ls', '-a', '-q')).stdout, 'contiv-net\nn\n', 'all tenants');
  t.strictSame(JSON.parse((await api.netctl('net', 'ls', '-j')).stdout), [{ ...contivNet, pktTag: 1 }], 'the tag held, not the one asked for');
});

withApi('an empty list', { [listOf('networks')]: ok([]) }, async (t, api) => {
  t.equal((await api.netctl('net', 'ls', '-j')).stdout, '[]\n');
  t.strictSame(await api.netctl('net', 'ls', '-q'), { code: 0, stdout: '', stderr: '' });
  t.match((await api.netctl('net', 'ls')).stdout, /^Tenant .*\n------ [ -]*\n$/);
});

withApi('ls of a tenant that is not there', Object.fromEntries(['networks', 'serviceLBs', 'endpoints'].map((collection) => [listOf(collection, 'bleu'), refused(404, 'tenant bleu was not found')])), async (t, api) => {
  for (const noun of ['net', 'service', 'endpoint']) {
    t.strictSame(await api.netctl(noun, 'ls', '-t', 'bleu'), { code: 3, stdout: '', stderr: 'netctl: tenant bleu was not found\n' }, noun);
  }
});

withApi('network inspect', { 'GET /api/v1/inspect/networks/blue:n/': ok(networks[1]) }, async (t, api) => {
  t.equal((await api.netctl('net', 'inspect', '-t', 'blue', 'n')).stdout, `${JSON.stringify(networks[1], null, 2)}\n`);
  t.strictSame(await api.netctl('net', 'inspect', 'n'), {
    code: 3,
    stdout: '',
    stderr: 'netctl: /api/v1/inspect/networks/default:n/ was not found\n',
  });
});

withApi('network rm', { 'DELETE /api/v1/networks/blue:n/': ok({}), 'DELETE /api/v1/networks/blue:m/': ok({}) }, async (t, api) => {
  t.strictSame(await api.netctl('network', 'delete', 'n', 'm', '-t', 'blue'), {
    code: 0,
    stdout: 'Deleting network blue:n\nDeleting network blue:m\n',
    stderr: '',
  });
});

const changedService = { ...appService, ports: ['8080:80:TCP', '53:53:UDP', '80:80:TCP'] };

withApi(
  'service create says whether it made, changed or found the service, and tells its IP',
  {
    'GET /api/v1/serviceLBs/default:app-svc/': [refused(404, 'service app-svc was not found'), ok(appService), ok(appService)],
    'POST /api/v1/serviceLBs/default:app-svc/': [ok(appService), ok(appService), ok(changedService)],
    'GET /api/v1/inspect/serviceLBs/default:app-svc/': ok(appInspect),
  },
  async (t, api) => {
    const line =
      'service create app-svc --network contiv-srv-net --tenant default --selector=tier=web --selector=release=stable' +
      ' --selector=environment=prod --port 8080:80:TCP';
    t.strictSame(await api.netctl(...line.split(' ')), {
      code: 0,
      stdout: 'Creating ServiceLB default:app-svc\nService IP: 100.1.1.1\n',
      stderr: '',
    });
    t.strictSame(api.seen.find(({ method }) => method === 'POST')?.body, {
      tenantName: 'default',
      serviceName: 'app-svc',
      networkName: 'contiv-srv-net',
      ports: ['8080:80:TCP'],
      selectors: ['tier=web', 'release=stable', 'environment=prod'],
    });
    t.strictSame(await api.netctl(...line.split(' ')), {
      code: 0,
      stdout: 'Nothing to do: ServiceLB default:app-svc exists already and is the same\nService IP: 100.1.1.1\n',
      stderr: '',
    });
    t.strictSame(await api.netctl(...line.split(' ')), {
      code: 0,
      stdout: 'Updating ServiceLB default:app-svc\nService IP: 100.1.1.1\n',
      stderr: '',
    });
  },
);

withApi(
  'a service that netctld refuses',
  { 'POST /api/v1/serviceLBs/default:s/': refused(409, '100.1.1.254 is the gateway of network n: choose another address') },
  async (t, api) => {
    t.strictSame(await api.netctl('service', 'create', 's', '-s', 'n', '-l', 'a=b', '-p', '80:80:TCP', '-ip', '100.1.1.254'), {
      code: 3,
      stdout: '',
      stderr: 'netctl: 100.1.1.254 is the gateway of network n: choose another address\n',
    });
  },
);

withApi('service ls', { [listOf('serviceLBs')]: ok([appInspect]) }, async (t, api) => {
  t.equal(
    (await api.netctl('service', 'ls')).stdout,
    [
      'ServiceName  Tenant   Network         Service IP  Ports                  Selectors                  Providers',
      '-----------  ------   -------         ----------  -----                  ---------                  ---------',
      'app-svc      default  contiv-srv-net  100.1.1.1   8080:80:TCP,53:53:UDP  [tier=web release=stable]  4',
      '',
    ].join('\n'),
  );
  t.strictSame(JSON.parse((await api.netctl('service', 'ls', '--json')).stdout), [{ ...appService, serviceVip: '100.1.1.1', numProviders: 4 }]);
  t.equal((await api.netctl('service', 'ls', '--quiet')).stdout, 'app-svc\n');
});

withApi('service inspect', { 'GET /api/v1/inspect/serviceLBs/default:app-svc/': ok(appInspect) }, async (t, api) => {
  t.equal((await api.netctl('service', 'inspect', 'app-svc')).stdout, `${JSON.stringify(appInspect, null, 2)}\n`);
});

withApi('service rm', { 'DELETE /api/v1/serviceLBs/default:app-svc/': ok({}) }, async (t, api) => {
  t.strictSame(await api.netctl('service', 'rm', 'app-svc'), { code: 0, stdout: 'Deleting Service  app-svc,default\n', stderr: '' });
});

const explanation = {
  algorithm: 'roundrobin',
  weights: [],
  prefer: 'any',
  tenantName: 'default',
  serviceName: 'app-svc',
  selectors: ['tier=web'],
  containers: [
    {
      containerID: '2c30b978c87bad64ced1f8158b72d17abf7748889464023d4e23a4bd24ae2d28',
      containerName: '/web1',
      provider: true,
      ipAddress: '10.1.1.1',
      network: 'contiv-net',
      reason: 'its labels satisfy every selector',
    },
    { containerID: '3a23aa2d5891', containerName: 'db', provider: false, reason: 'label tier is "db\u001b[2J", not "web"' },
  ],
};

withApi('service explain', { 'GET /api/v1/explain/serviceLBs/default:app-svc/': ok(explanation) }, async (t, api) => {
  t.equal(
    (await api.netctl('service', 'explain', 'app-svc')).stdout,
    [
      'ServiceLB default:app-svc selects [tier=web]',
      '',
      'Container  Container ID  Provider  IP        Network     Reason',
      '---------  ------------  --------  --        -------     ------',
      'web1       2c30b978c87b  yes       10.1.1.1  contiv-net  its labels satisfy every selector',
      'db         3a23aa2d5891  no                              label tier is "db?[2J", not "web"',
      '',
    ].join('\n'),
  );
  t.strictSame(JSON.parse((await api.netctl('service', 'explain', '-j', 'app-svc')).stdout), explanation);
});

withApi('service explain without containers', { 'GET /api/v1/explain/serviceLBs/default:s/': ok({ ...explanation, serviceName: 's', containers: [] }) }, async (t, api) => {
  t.equal(
    (await api.netctl('service', 'explain', 's')).stdout,
    'ServiceLB default:s selects [tier=web]\nTenant default has no containers on its networks.\n',
  );
});

const endpoints: EndpointInspect[] = [
  {
    Oper: {
      endpointID: 'e1e1',
      containerID: '2c30b978c87bad64ced1f8158b72d17abf774888',
      containerName: '/web1',
      tenantName: 'default',
      network: 'contiv.net.default',
      ipAddress: ['10.1.1.1', '2001:db8::1'],
      macAddress: '02:02:0a:01:01:01',
      state: 'running (healthy)',
    },
  },
  { Oper: { endpointID: 'e2e2', tenantName: 'blue', network: 'n.blue', ipAddress: ['10.1.1.1'] } },
];

withApi('endpoint ls', { [listOf('endpoints')]: ok([endpoints[0]]), 'GET /api/v1/inspect/endpoints/?brief=true': ok(endpoints) }, async (t, api) => {
  t.equal(
    (await api.netctl('ep', 'ls', '-a')).stdout,
    [
      'Container  Container ID  Tenant   Network     IP                     MAC                State',
      '---------  ------------  ------   -------     --                     ---                -----',
      'web1       2c30b978c87b  default  contiv.net  10.1.1.1, 2001:db8::1  02:02:0a:01:01:01  running (healthy)',
      '                         blue     n           10.1.1.1',
      '',
    ].join('\n'),
  );
  t.equal((await api.netctl('endpoint', 'ls', '-q')).stdout, 'e1e1\n');
});

withApi(
  'endpoint inspect',
  { 'GET /api/v1/inspect/endpoints/?match=web%2F1': ok([endpoints[0]]), 'GET /api/v1/inspect/endpoints/?match=none': ok([]) },
  async (t, api) => {
    t.equal((await api.netctl('endpoint', 'inspect', 'web/1')).stdout, `${JSON.stringify([endpoints[0]], null, 2)}\n`);
    t.strictSame(await api.netctl('ep', 'inspect', 'none'), {
      code: 3,
      stdout: '',
      stderr: 'netctl: no endpoint id, container id or container name contains "none": see "netctl endpoint ls -a"\n',
    });
  },
);

const published = (containerName: string, containerID: string, ports: EndpointOper['ports']): EndpointInspect => ({ Oper: { ...endpoints[0]!.Oper, containerName, containerID, ports } });
const webPorts = [
  { port: 80, protocol: 'tcp', hostIP: '0.0.0.0', hostPort: 49153 },
  { port: 80, protocol: 'tcp', hostIP: '::', hostPort: 49153 },
  { port: 53, protocol: 'udp', hostIP: '192.168.50.1', hostPort: 53 },
];
const containersWithPorts = [published('web', 'aa11', webPorts), published('web2', 'ab22', undefined), published('web', 'aa11', undefined)];

withApi(
  'port',
  {
    'GET /api/v1/inspect/endpoints/?match=web': ok(containersWithPorts),
    'GET /api/v1/inspect/endpoints/?match=web2': ok([containersWithPorts[1]]),
    'GET /api/v1/inspect/endpoints/?match=a': ok(containersWithPorts),
    'GET /api/v1/inspect/endpoints/?match=aa': ok(containersWithPorts),
    'GET /api/v1/inspect/endpoints/?match=eb': ok(containersWithPorts),
  },
  async (t, api) => {
    const all = '80/tcp -> 0.0.0.0:49153\n80/tcp -> [::]:49153\n53/udp -> 192.168.50.1:53\n';
    const refused = async (words: string[], code: number, sentence: string): Promise<void> => {
      const ended = await api.netctl('port', ...words);
      t.strictSame([ended.code, ended.stdout, ended.stderr.split('\n')[0]], [code, '', `netctl: ${sentence}`]);
    };
    t.strictSame(await api.netctl('port', 'web'), { code: 0, stdout: all, stderr: '' }, 'as docker port prints it');
    t.strictSame(await api.netctl('port', 'aa'), { code: 0, stdout: all, stderr: '' }, 'by the beginning of the id');
    t.strictSame(await api.netctl('port', 'web', '80'), { code: 0, stdout: '0.0.0.0:49153\n[::]:49153\n', stderr: '' });
    t.strictSame(await api.netctl('port', 'web', '53/UDP'), { code: 0, stdout: '192.168.50.1:53\n', stderr: '' });
    t.strictSame(await api.netctl('port', 'web2'), { code: 0, stdout: '', stderr: '' });
    await refused(['web', '53'], 3, 'port 53/tcp of container web is not published: see "netctl port web"');
    await refused(['a'], 3, '"a" is the beginning of 2 container ids (aa11, ab22): write more of it');
    await refused(['eb'], 3, 'no container on a netctl network is called "eb", and no id begins so: see "netctl endpoint ls -a"');
    await refused(['web', '0'], 1, '"0" is not a port: write it as PORT or PORT/PROTOCOL, for example 53/udp');
    await refused(['web', '80/sctp'], 1, '"80/sctp" is not a port: write it as PORT or PORT/PROTOCOL, for example 53/udp');
    await refused(['web', '80', '81'], 1, 'netctl port takes one CONTAINER and one PORT[/PROTOCOL], but got "web", "80", "81"');
    await refused([], 1, 'netctl port needs a CONTAINER');
  },
);

withApi(
  'tenant create with host access, and without',
  { 'GET /api/v1/tenants/blue/': ok(blue), 'POST /api/v1/tenants/blue/': ok({ ...blue, hostAccess: true }) },
  async (t, api) => {
    const body = async (...words: string[]): Promise<unknown> => {
      const { code, stderr } = await api.netctl('tenant', 'create', 'blue', ...words);
      t.strictSame([code, stderr], [0, ''], words.join(' '));
      return api.seen.at(-1)?.body;
    };
    t.strictSame(await body('--host-access'), { tenantName: 'blue', hostAccess: true });
    t.strictSame(await body('-host-access=true'), { tenantName: 'blue', hostAccess: true });
    t.strictSame(await body('--host-access=false'), { tenantName: 'blue', hostAccess: false });
    t.strictSame(await body(), { tenantName: 'blue' });
    t.equal((await api.netctl('tenant', 'create', 'blue', '--host-access')).stdout, 'Updating tenant blue\n');
    t.match(await api.netctl('tenant', 'create', 'blue', '--host-access=yes'), { code: 1, stderr: /"--host-access=yes" is neither true nor false: write --host-access or --host-access=false/ });
  },
);

withApi('version', { 'GET /version': ok({ version: '9.8.7', gitCommit: 'abc', buildTime: 'now' }) }, async (t, api) => {
  const { code, stdout } = await api.netctl('version');
  t.equal(code, 0);
  t.match(
    stdout,
    /^Client Version:\nVersion: \d+\.\d+\.\d+\S*\nGitCommit: \S+\nBuildTime: .+\n\nServer Version:\nVersion: 9\.8\.7\nGitCommit: abc\nBuildTime: now\n$/,
  );
});

withApi('version of one of several hosts', { 'GET /version': ok({ version: '9.8.7', gitCommit: 'abc', buildTime: 'now', store: 'etcd://10.0.0.1:2379', hosts: { present: 2, known: 3 } }) }, async (t, api) => {
  t.match((await api.netctl('version')).stdout, /\nBuildTime: now\nStore: etcd:\/\/10\.0\.0\.1:2379\nHosts: 2 of 3 there\n$/);
});

t.test('netctl --version asks nobody', async (t) => {
  const { code, stdout, stderr } = await netctl(['--version'], { NETCTL_HOST: '/nonexistent' });
  t.match(stdout, /^netctl version \d+\.\d+\.\d+\S*, build \S+\n$/);
  t.strictSame([code, stderr], [0, '']);
});
