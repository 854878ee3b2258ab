import t from 'tap';
import { errorCodes, NetctlError } from '../../../src/model/errors.js';
import { bodyLimit } from '../../../daemon/api/errors.js';
import { fixture, network, service } from './fixture.js';

const url = '/api/v1/networks/default:net/';

t.test('each error code has its status, and its sentence is the body', async (t) => {
  const { request, operations, log } = await fixture(t);
  const statuses = { invalid: 400, 'not-found': 404, conflict: 409, 'in-use': 409, exhausted: 409, unavailable: 503, internal: 500 };
  t.same(Object.keys(statuses), errorCodes);
  for (const code of errorCodes) {
    operations.failure = new NetctlError(code, 'the sentence, word by word');
    const text = code === 'internal' ? 'internal error: the sentence, word by word' : 'the sentence, word by word';
    t.strictSame(await request('POST', url, network), { status: statuses[code], type: 'text/plain; charset=utf-8', text, json: undefined }, code);
  }
  t.equal(log.filter((line) => line.includes('"level":"error"')).length, 1, 'only the internal one is logged as an error');
});

t.test('what nobody expected is an internal error and logged whole', async (t) => {
  const { request, operations, log } = await fixture(t);
  operations.failure = new TypeError('x is undefined', { cause: new Error('the root of it') });
  t.match(await request('POST', url, network), { status: 500, type: /text\/plain/, text: 'internal error: x is undefined' });
  const line = log.find((line) => line.includes('"level":"error"'));
  t.match(JSON.parse(line ?? '{}'), { error: { type: 'TypeError', stack: /the root of it/ }, method: 'POST', url, msg: 'a request failed unexpectedly' });
  operations.failure = new NetctlError('unavailable', 'Docker does not answer', { cause: new Error('ECONNREFUSED') });
  t.match(await request('POST', url, network), { status: 503, text: 'Docker does not answer' });
  const warning = log.find((line) => line.includes('"level":"warn"'));
  t.match(JSON.parse(warning ?? '{}'), { error: { stack: /ECONNREFUSED/ } }, 'and so is what failed behind it');
  operations.failure = 'a text';
  t.match(await request('POST', url, network), { status: 500, text: 'internal error: a text' });
});

t.test('a body that is not JSON, or not an object, changes nothing', async (t) => {
  const { request, operations } = await fixture(t);
  const table: [string, RegExp][] = [
    ['{', /^the request's body is not JSON: /],
    ['tenantName=x', /is not JSON/],
    ['', /^the request's body must be a JSON object, and is empty$/],
    ['[]', /^the request's body must be a JSON object$/],
    ['null', /must be a JSON object, and is empty$/],
    ['"x"', /must be a JSON object$/],
    ['{}', /^the field "tenantName" is missing$/],
  ];
  for (const [body, text] of table) t.match(await request('POST', url, body), { status: 400, type: /text\/plain/, text }, body);
  t.match(await request('POST', url), { status: 400, text: /is empty/ }, 'no body at all');
  t.equal(operations.networks.size, 0);
});

t.test('a field of the wrong type is named, with what it must be', async (t) => {
  const { request, operations } = await fixture(t);
  const table: [object, string][] = [
    [{ ...network, subnet: 5 }, 'the field "subnet" must be a text, and is 5'],
    [{ ...network, pktTag: '5' }, 'the field "pktTag" must be a number, and is "5"'],
    [{ ...network, pktTag: 1.5 }, 'the field "pktTag" must be a whole number, and is 1.5'],
    [{ ...network, pktTag: 1e300 }, 'the field "pktTag" must be at most 9007199254740991, and is 1e+300'],
    [{ ...network, gateway: null }, 'the field "gateway" must be a text, and is null'],
    [{ ...network, links: 1 }, 'the field "links" must be an object, and is 1'],
    [{ ...network, networkName: { a: 'x'.repeat(100) } }, `the field "networkName" must be a text, and is {"a":"${'x'.repeat(54)}...`],
  ];
  for (const [body, text] of table) t.match(await request('PUT', url, body), { status: 400, text }, text);
  const { ports, ...portless } = service;
  const services: [object, string][] = [
    [portless, 'the field "ports" is missing'],
    [{ ...service, ports: ports[0] }, 'the field "ports" must be a list, and is "80:8080:TCP"'],
    [{ ...service, ports: ['80:80:TCP', 80] }, 'the field "ports.1" must be a text, and is 80'],
  ];
  for (const [body, text] of services) t.match(await request('POST', '/api/v1/serviceLBs/default:web/', body), { status: 400, text }, text);
  t.equal(operations.networks.size + operations.services.size, 0);
});

t.test('what the decoders refuse is invalid', async (t) => {
  const { request } = await fixture(t);
  t.match(await request('POST', url, { ...network, subnet: '10.1.1.0' }), { status: 400, text: /10\.1\.1\.0/ });
  t.match(await request('POST', '/api/v1/tenants/a@b/', { tenantName: 'a@b' }), { status: 400, text: /not a valid tenant name/ });
  const long = 'x'.repeat(300);
  t.match(await request('POST', `/api/v1/tenants/${long}/`, { tenantName: long }), { status: 400, text: /300 characters long/ });
  t.match(await request('GET', '/api/v1/networks/net/'), { status: 400, text: /"net" is not a key/ });
  t.match(await request('DELETE', '/api/v1/serviceLBs/a:b:c/'), { status: 400, text: /is not a key/ });
  t.match(await request('GET', '/api/v1/networks/%ff/'), { status: 400, type: /text\/plain/ });
});

t.test('the path and the body must name the same object', async (t) => {
  const { request, operations } = await fixture(t);
  const text = /the path is for "default:net" and the body for "/;
  t.match(await request('POST', url, { ...network, networkName: 'other' }), { status: 400, text });
  t.match(await request('POST', url, { ...network, tenantName: 'other' }), { status: 400, text });
  t.match(await request('POST', url, { ...network, key: 'default:other' }), { status: 400, text });
  t.match(await request('POST', '/api/v1/tenants/blue/', { tenantName: 'green' }), { status: 400, text: /must name the same object/ });
  t.match(await request('POST', '/api/v1/serviceLBs/blue:web/', service), { status: 400, text: /must name the same object/ });
  t.equal(operations.networks.size, 0);
});

t.test('any content type is taken for JSON, as Contiv\'s client names none', async (t) => {
  const { request } = await fixture(t);
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=utf-8']) {
    t.match(await request('POST', url, network, { 'content-type': type }), { status: 200 }, type);
  }
  t.match(await request('POST', url, network), { status: 200 }, 'none');
  t.match(await request('POST', url, network, { 'content-type': 'nonsense' }), { status: 415, type: /text\/plain/, text: /^the request is not understood: / });
});

t.test('a body that is too large is refused', async (t) => {
  const { request } = await fixture(t);
  const text = `the request's body is too large: at most ${bodyLimit} bytes are allowed`;
  t.match(await request('POST', url, ' '.repeat(bodyLimit + 1)), { status: 413, type: /text\/plain/, text });
  t.match(await request('POST', url, JSON.stringify(network).padEnd(bodyLimit)), { status: 200 });
});

t.test('what is not there is said so', async (t) => {
  const { request } = await fixture(t);
  t.match(await request('GET', '/api/v1/policys/'), { status: 404, type: /text\/plain/, text: 'there is no GET /api/v1/policys/: /openapi.json lists what there is' });
  t.match(await request('PATCH', url, network), { status: 404, text: /there is no PATCH/ });
  t.match(await request('POST', '/version', {}), { status: 404, text: /there is no POST \/version/ });
  t.match(await request('DELETE', '/api/v1/networks/'), { status: 404 });
});

t.test('changes are logged with their outcome, and what only looks is not', async (t) => {
  const { request, log } = await fixture(t);
  await request('POST', url, network);
  await request('GET', url);
  const lines = log.map((line) => JSON.parse(line) as object);
  t.match(lines, [
    { level: 'info', event: 'request', method: 'POST', url, status: 200 },
    { level: 'debug', event: 'request', method: 'GET', url, status: 200 },
  ]);
});

t.test('a web page that a browser on this host shows can change nothing', async (t) => {
  const { request, operations } = await fixture(t);
  for (const origin of ['https://example.org', 'null', 'http://127.0.0.1:9999']) {
    t.match(await request('POST', url, network, { origin, 'content-type': 'text/plain' }), { status: 400, text: new RegExp(`web pages are refused, and this one comes from ${origin}`) });
  }
  t.strictSame(operations.listNetworks(), []);
  t.match(await request('POST', url, network, { 'content-type': 'text/plain' }), { status: 200 }, 'other programs may');
});
