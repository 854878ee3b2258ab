import t from 'tap';
import { IpAddress } from '../../../src/model/address.js';
import { endpoint, fixture, version } from './fixture.js';

t.test('hosts', async (t) => {
  const { request, operations } = await fixture(t);
  const single = { hostName: 'h1', state: 'ready', version: '1.2.3', asked: true, numEndpoints: 0 };
  t.same((await request('GET', '/api/v1/inspect/hosts/')).json, [{ Oper: single }]);
  const underlay = IpAddress.parse('192.168.7.2');
  operations.hosts = [
    ...operations.hosts,
    { name: 'h2', isOwn: false, state: 'not ready', reason: 'it is slow', since: 1_000, version: '1.2.3', underlay, underlayMtu: 1500, endpoints: [endpoint], roundTripMs: 0.21345, pathMtu: 1450 },
  ];
  const told = { ...single, hostName: 'h2', state: 'not ready', reason: 'it is slow', since: '1970-01-01T00:00:01.000Z', asked: false, numEndpoints: 1, underlayAddress: '192.168.7.2', underlayMTU: 1500, roundTripMs: 0.213, pathMTU: 1450 };
  t.same((await request('GET', '/api/v1/inspect/hosts/')).json, [{ Oper: single }, { Oper: told }]);
  operations.events.record({ kind: 'host', name: 'h2', type: 'warning', reason: 'HostAway', message: 'nothing is heard of host h2' });
  t.match(await request('GET', '/api/v1/inspect/hosts/h2/'), { status: 200, json: { Oper: { ...told, endpoints: [{ containerName: 'web-1' }], events: [{ reason: 'HostAway' }] } } });
  t.match(await request('GET', '/api/v1/inspect/hosts/h3/'), { status: 404, text: 'there is no host h3' });
});

t.test('a host is removed', async (t) => {
  const { request, operations } = await fixture(t);
  operations.hosts = [...operations.hosts, { name: 'h2', isOwn: false, state: 'away', version: '1.2.3', endpoints: [endpoint] }];
  t.match(await request('GET', '/version'), { status: 200, json: { ...version, store: 'etcd://10.0.0.1:2379', hosts: { present: 1, known: 2 } } });
  t.match(await request('DELETE', '/api/v1/hosts/h1/'), { status: 409, text: 'host h1 is there' });
  t.same((await request('DELETE', '/api/v1/hosts/h2/')).json, { hostName: 'h2', freedEndpoints: 1, freedAddresses: 1, freedPorts: 0 });
  t.match(await request('DELETE', '/api/v1/hosts/h2/'), { status: 404 });
});
