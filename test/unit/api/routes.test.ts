import t from 'tap';
import { portName } from '../../../src/fabric/names.js';
import { parseWeight } from '../../../src/selectors/weights.js';
import { endpoint, fixture, network, service, version } from './fixture.js';

t.test('tenants', async (t) => {
  const { request } = await fixture(t);
  const blue = { key: 'blue', tenantName: 'blue', hostAccess: false };
  t.same((await request('GET', '/api/v1/tenants/')).json, [{ key: 'default', tenantName: 'default', hostAccess: true }]);
  t.match(await request('POST', '/api/v1/tenants/blue/', { ...blue, 'link-sets': {}, links: {} }), { status: 200, json: blue });
  t.match(await request('PUT', '/api/v1/tenants/blue/', { tenantName: 'blue', hostAccess: true }), { status: 200, json: { ...blue, hostAccess: true } });
  t.match(await request('PUT', '/api/v1/tenants/blue/', { tenantName: 'blue', key: '' }), { status: 200, json: { ...blue, hostAccess: true } }, 'what is not said stays');
  t.match(await request('PUT', '/api/v1/tenants/blue/', { tenantName: 'blue', hostAccess: false }), { status: 200, json: blue });
  t.match(await request('GET', '/api/v1/tenants/blue/'), { status: 200, json: blue });
  t.same((await request('GET', '/api/v1/inspect/tenants/blue/')).json, { Config: blue, Oper: { totalNetworks: 0, totalServicelbs: 0, totalEndpoints: 0 } });
  t.match((await request('GET', '/api/v1/inspect/tenants/')).json, [{ Config: { tenantName: 'default' } }, { Config: blue }]);
  t.match(await request('DELETE', '/api/v1/tenants/blue/'), { status: 200, json: blue });
  t.match(await request('GET', '/api/v1/tenants/blue/'), { status: 404, text: 'there is no tenant blue' });
  t.match(await request('DELETE', '/api/v1/tenants/blue/'), { status: 404 });
});

t.test('networks', async (t) => {
  const { request, operations } = await fixture(t);
  const encoded = { key: 'default:net', nwType: 'data', encap: 'vxlan', ...network };
  t.same((await request('GET', '/api/v1/networks/')).json, []);
  t.match(await request('POST', '/api/v1/networks/default:net/', { ...network, pktTag: 0 }), { status: 200, json: encoded });
  t.same((await request('GET', '/api/v1/networks/')).json, [encoded]);
  t.same((await request('GET', '/api/v1/networks/default:net/')).json, encoded);
  t.same((await request('GET', '/api/v1/networks/default%3Anet/')).json, encoded, 'also with the colon escaped');
  operations.endpoints = [endpoint];
  const inspected = {
    Config: encoded,
    Oper: {
      pktTag: 1,
      dockerNetworkID: 'd0c',
      numEndpoints: 1,
      allocatedAddressesCount: 1,
      allocatedIPAddresses: '10.1.1.1-10.1.1.2',
      availableIPAddresses: '10.1.1.3-10.1.1.254',
      endpoints: [{ endpointID: endpoint.endpoint.id }],
      services: [],
    },
  };
  t.match((await request('GET', '/api/v1/inspect/networks/default:net/')).json, inspected);
  t.match((await request('GET', '/api/v1/inspect/networks/')).json, [inspected]);
  t.match(await request('PUT', '/api/v1/networks/default:net/', { ...network, pktTag: 77 }), { status: 409, text: /exists with other settings/ });
  t.match(await request('DELETE', '/api/v1/networks/default:net/'), { status: 200, json: encoded });
  t.match(await request('DELETE', '/api/v1/networks/default:net/'), { status: 404, text: 'there is no network net in tenant default' });
});

t.test('services', async (t) => {
  const { request, operations } = await fixture(t);
  const encoded = { ...service, key: 'default:web', ports: ['80:8080:TCP'], selectors: ['tier=web', 'release in (canary,stable)'] };
  await request('POST', '/api/v1/networks/default:net/', network);
  t.match(await request('POST', '/api/v1/serviceLBs/default:web/', service), { status: 200, json: encoded });
  t.same((await request('GET', '/api/v1/serviceLBs/')).json, [encoded]);
  t.same((await request('GET', '/api/v1/serviceLBs/default:web/')).json, encoded);
  operations.endpoints = [endpoint];
  const inspected = { Config: encoded, Oper: { serviceVip: '10.1.1.1', numProviders: 1, providers: [{ ipAddress: ['10.1.1.2'], serviceName: 'web' }] } };
  t.match((await request('GET', '/api/v1/inspect/serviceLBs/default:web/')).json, inspected);
  t.match((await request('GET', '/api/v1/inspect/serviceLBs/')).json, [inspected]);
  t.match(await request('DELETE', '/api/v1/networks/default:net/'), { status: 409, text: 'network net has the services web' });
  const other = { ...service, serviceName: 'other', ipAddress: '10.1.1.1' };
  t.match(await request('POST', '/api/v1/serviceLBs/default:other/', other), { status: 409, text: 'network net has no free address' });
  t.match(await request('DELETE', '/api/v1/serviceLBs/default:web/'), { status: 200, json: encoded });
  t.match(await request('GET', '/api/v1/serviceLBs/default:web/'), { status: 404 });
});

t.test('endpoints are inspected, all or by a part of their ids and names', async (t) => {
  const { request, operations } = await fixture(t);
  const { sandboxKey, ...unjoined } = endpoint.endpoint;
  t.ok(sandboxKey);
  operations.endpoints = [endpoint, { endpoint: { ...unjoined, id: 'f'.repeat(64) }, ports: [] }];
  const whole = {
    Oper: {
      containerID: endpoint.container?.id,
      containerName: 'web-1',
      endpointID: endpoint.endpoint.id,
      homingHost: 'h1',
      intfName: portName(endpoint.endpoint.id),
      ipAddress: ['10.1.1.2'],
      labels: 'map[release:stable tier:web]',
      macAddress: '02:02:0a:01:01:02',
      network: 'net.default',
      tenantName: 'default',
      state: 'running (healthy)',
    },
  };
  t.equal(((await request('GET', '/api/v1/inspect/endpoints/')).json as unknown[]).length, 2);
  for (const text of ['web-1', 'eb-', endpoint.endpoint.id, String(endpoint.container?.id)]) {
    t.same((await request('GET', `/api/v1/inspect/endpoints/${text}/`)).json, whole, `${text}: one object, as Contiv's client decodes it`);
    t.same((await request('GET', `/api/v1/inspect/endpoints/?match=${text}`)).json, [whole], `${text}: all that match`);
  }
  const { homingHost, ipAddress, macAddress, network, tenantName } = whole.Oper;
  t.same((await request('GET', '/api/v1/inspect/endpoints/fff/')).json, {
    Oper: { endpointID: 'f'.repeat(64), homingHost, ipAddress, macAddress, network, tenantName },
  });
  t.same((await request('GET', '/api/v1/inspect/endpoints/?match=nobody')).json, []);
  t.match(await request('GET', '/api/v1/inspect/endpoints/nobody/'), { status: 404, text: /there is no endpoint whose .* contains "nobody"/ });
});

t.test('what Docker says of a container is its state', async (t) => {
  const { request, operations } = await fixture(t);
  const table = [
    [{ health: 'none' }, 'running'],
    [{ health: 'starting' }, 'running (starting)'],
    [{ health: 'unhealthy', stopping: true }, 'running (unhealthy, stopping)'],
    [{ health: 'none', state: 'paused' }, 'paused'],
  ] as const;
  for (const [observed, state] of table) {
    operations.endpoints = [{ ...endpoint, container: { ...endpoint.container!, ...observed } }];
    t.match((await request('GET', '/api/v1/inspect/endpoints/')).json, [{ Oper: { state } }]);
  }
});

t.test('a service is explained, container by container', async (t) => {
  const { request, operations } = await fixture(t);
  await request('POST', '/api/v1/networks/default:net/', network);
  await request('POST', '/api/v1/serviceLBs/default:web/', service);
  const container = endpoint.container!;
  operations.explanations = [
    { container, host: 'h1', provider: true, endpoint: endpoint.endpoint, weight: parseWeight('version=2:10'), reason: 'it is selected and running' },
    { container: { ...container, name: 'web-2' }, host: 'h2', provider: false, reason: 'it is paused' },
  ];
  t.same((await request('GET', '/api/v1/explain/serviceLBs/default:web/')).json, {
    tenantName: 'default',
    serviceName: 'web',
    selectors: ['tier=web', 'release in (canary,stable)'],
    algorithm: 'roundrobin',
    weights: [],
    prefer: 'any',
    containers: [
      { containerID: container.id, containerName: 'web-1', homingHost: 'h1', provider: true, weight: 'version=2:10', ipAddress: '10.1.1.2', network: 'net', reason: 'it is selected and running' },
      { containerID: container.id, containerName: 'web-2', homingHost: 'h2', provider: false, reason: 'it is paused' },
    ],
  });
  t.match(await request('GET', '/api/v1/explain/serviceLBs/default:none/'), { status: 404 });
});

t.test('of a service that is changed, what is absent stays', async (t) => {
  const { request } = await fixture(t);
  await request('POST', '/api/v1/networks/default:net/', network);
  await request('POST', '/api/v1/serviceLBs/default:web/', service);
  const path = '/api/v1/serviceLBs/default:web/';
  const { status, json } = await request('PATCH', path, { algorithm: 'random', weights: ['version=2:10'] });
  t.match({ status, json }, { status: 200, json: { ports: ['80:8080:TCP'], algorithm: 'random', weights: ['version=2:10'] } });
  t.match((await request('PATCH', path, { serviceName: 'web', tenantName: 'default', weights: [] })).json, { algorithm: 'random', weights: undefined });
  t.match((await request('PATCH', path, { prefer: 'local' })).json, { algorithm: 'random', prefer: 'local' });
  t.match((await request('GET', '/api/v1/explain/serviceLBs/default:web/')).json, { prefer: 'local' });
  t.match((await request('PATCH', path, { prefer: 'any' })).json, { algorithm: 'random', prefer: undefined });
  t.match(await request('PATCH', path, { algorithm: 'fair' }), { status: 400, text: /unknown algorithm "fair"/ });
  t.match(await request('PATCH', path, { serviceName: 'other' }), { status: 400, text: /must name the same object/ });
  t.match(await request('PATCH', path, { networkName: 'other' }), { status: 409 });
  t.match(await request('PATCH', path, { ports: 'all' }), { status: 400, text: 'the field "ports" must be a list, and is "all"' });
  t.match(await request('PATCH', '/api/v1/serviceLBs/default:none/', {}), { status: 404 });
});

t.test('a host that has no key cannot change it', async (t) => {
  const { request } = await fixture(t);
  t.match(await request('POST', '/api/v1/rekey/'), { status: 409, text: /has no key for encrypted connections/ });
});

t.test('containers are drained, and no longer', async (t) => {
  const { request, operations } = await fixture(t);
  await request('POST', '/api/v1/networks/default:net/', network);
  await request('POST', '/api/v1/serviceLBs/default:web/', service);
  operations.endpoints = [endpoint];
  const path = '/api/v1/drain/serviceLBs/default:web/web-1/';
  const answer = { tenantName: 'default', serviceName: 'web', containerID: endpoint.container!.id, containerName: 'web-1' };
  t.same(await request('POST', path).then(({ json }) => json), { ...answer, drained: true, changed: true });
  t.match((await request('GET', '/api/v1/inspect/serviceLBs/default:web/')).json, { Oper: { drained: [answer.containerID] } });
  t.same((await request('POST', path)).json, { ...answer, drained: true, changed: false });
  t.same((await request('DELETE', '/api/v1/drain/serviceLBs/default:web/%2Fweb-1')).json, { ...answer, drained: false, changed: true }, "with the slash of Docker's own API");
  t.notOk('drained' in ((await request('GET', '/api/v1/inspect/serviceLBs/default:web/')).json as { Oper: object }).Oper);
  t.match(await request('POST', '/api/v1/drain/serviceLBs/default:web/nobody/'), { status: 404, text: /there is no container "nobody"/ });
  t.match(await request('POST', '/api/v1/drain/serviceLBs/web/web-1/'), { status: 400, text: /write it as tenant:name/ });
  t.match(await request('POST', '/api/v1/drain/serviceLBs/default:none/web-1/'), { status: 404 });
});

t.test('what services had of traffic', async (t) => {
  const { request, operations } = await fixture(t);
  await request('POST', '/api/v1/networks/default:net/', network);
  await request('POST', '/api/v1/serviceLBs/default:web/', { ...service, ports: ['80:8080:TCP', '53:53:UDP'] });
  operations.endpoints = [endpoint];
  operations.counts = { connections: 2, open: 1, received: { packets: 10, bytes: 1000 }, sent: { packets: 8, bytes: 8000 } };
  const one = { connections: 2, openConnections: 1, receivedPackets: 10, receivedBytes: 1000, sentPackets: 8, sentBytes: 8000 };
  const providers = [{ containerID: endpoint.container!.id, containerName: 'web-1', ipAddress: ['10.1.1.2'], state: 'serving', ...one }];
  const expected = {
    tenantName: 'default',
    serviceName: 'web',
    time: '1970-01-01T00:00:01.000Z',
    ports: [
      { port: '80:8080:TCP', providers, total: one },
      { port: '53:53:UDP', providers, total: one },
    ],
    total: { connections: 4, openConnections: 2, receivedPackets: 20, receivedBytes: 2000, sentPackets: 16, sentBytes: 16_000 },
  };
  t.same((await request('GET', '/api/v1/stats/serviceLBs/default:web/')).json, expected);
  t.same((await request('GET', '/api/v1/stats/serviceLBs/')).json, [expected]);
  t.same((await request('GET', '/api/v1/stats/serviceLBs/?tenant=default')).json, [expected]);
  t.match(await request('GET', '/api/v1/stats/serviceLBs/?tenant=blue'), { status: 404 });
  t.match(await request('GET', '/api/v1/stats/serviceLBs/default:none/'), { status: 404 });
});

t.test('the last slash may be missing', async (t) => {
  const { request } = await fixture(t);
  t.match(await request('POST', '/api/v1/networks/default:net', network), { status: 200 });
  for (const path of ['networks', 'networks/default:net', 'inspect/networks', 'inspect/networks/default:net', 'inspect/endpoints', 'tenants']) {
    t.match(await request('GET', `/api/v1/${path}`), { status: 200, type: /application\/json/ }, path);
  }
  t.match(await request('DELETE', '/api/v1/networks/default:net'), { status: 200 });
});

t.test('the daemon tells its version, its health and its metrics', async (t) => {
  const { request, operations } = await fixture(t);
  t.match(await request('GET', '/version'), { status: 200, json: version });
  t.match(await request('GET', '/healthz'), { status: 200, text: 'ok', type: /text\/plain/ });
  await request('GET', '/api/v1/networks/default:none/');
  await request('GET', '/nowhere');
  const { status, type, text } = await request('GET', '/metrics');
  t.equal(status, 200);
  t.match(type, /text\/plain; version=0\.0\.4/);
  t.match(text, /^# TYPE netctl_api_request_duration_seconds histogram$/m);
  t.match(text, 'netctl_api_request_duration_seconds_count{method="GET",route="/api/v1/networks/:key/",status="404"} 1');
  t.match(text, 'netctl_api_request_duration_seconds_count{method="GET",route="unknown",status="404"} 1');
  t.match(text, 'netctl_build_info{version="1.2.3",commit="abc"} 1');

  operations.loaded = false;
  t.match(await request('GET', '/healthz'), { status: 503, text: /still reading its state/ });
  t.match(await request('GET', '/api/v1/tenants/'), { status: 503, text: /still reading its state/ });
  t.match(await request('POST', '/api/v1/tenants/blue/', { tenantName: 'blue' }), { status: 503 });
  t.match(await request('GET', '/version'), { status: 200 }, 'which does not need the state');
  t.match(await request('GET', '/metrics'), { status: 200 });
});

t.test('the OpenAPI document has every route, and every reference in it leads somewhere', async (t) => {
  const { request } = await fixture(t);
  const { json } = await request('GET', '/openapi.json');
  const document = json as { openapi: string; info: object; paths: Record<string, Record<string, object>>; components: { schemas: Record<string, object> } };
  t.match(document, { openapi: /^3\.1/, info: { title: 'netctl', version: '1.2.3' } });
  const objects = ['tenants', 'networks', 'serviceLBs'];
  const expected = {
    '/version': ['get'],
    '/healthz': ['get'],
    '/metrics': ['get'],
    '/openapi.json': ['get'],
    '/api/v1/inspect/endpoints/': ['get'],
    '/api/v1/inspect/endpoints/{text}/': ['get'],
    '/api/v1/explain/serviceLBs/{key}/': ['get'],
    '/api/v1/drain/serviceLBs/{key}/{container}/': ['delete', 'post'],
    '/api/v1/doctor/': ['get', 'post'],
    '/api/v1/inspect/hosts/': ['get'],
    '/api/v1/inspect/hosts/{key}/': ['get'],
    '/api/v1/hosts/{key}/': ['delete'],
    '/api/v1/events/': ['get'],
    '/api/v1/rekey/': ['post'],
    '/api/v1/stats/serviceLBs/': ['get'],
    '/api/v1/stats/serviceLBs/{key}/': ['get'],
    ...Object.fromEntries(
      objects.flatMap((path) => [
        [`/api/v1/${path}/`, ['get']],
        [`/api/v1/${path}/{key}/`, ['delete', 'get', ...(path === 'serviceLBs' ? ['patch'] : []), 'post', 'put']],
        [`/api/v1/inspect/${path}/`, ['get']],
        [`/api/v1/inspect/${path}/{key}/`, ['get']],
      ]),
    ),
  };
  t.same(Object.fromEntries(Object.entries(document.paths).map(([path, methods]) => [path, Object.keys(methods).sort()])), expected);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) t.match(operation, { summary: String, tags: [String], responses: { 200: { content: {} } } }, `${method} ${path}`);
  }
  t.match(document.paths['/api/v1/networks/{key}/']?.['post'], {
    parameters: [{ name: 'key', in: 'path', required: true, schema: { type: 'string' } }],
    requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/NetworkInput' } } } },
    responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Network' } } } }, 409: { content: { 'text/plain': {} } } },
  });
  t.match(document.components.schemas['NetworkInput'], { type: 'object', required: ['tenantName', 'networkName'], properties: { pktTag: { type: 'integer' } } });
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name ?? '');
  t.ok(references.length > 10);
  for (const name of new Set(references)) t.ok(document.components.schemas[name], name);
});
