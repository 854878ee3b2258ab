import { mkdtempSync, rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { NetworkView } from '../../../daemon/control/operations.js';
import { networkInspect, type ServiceInspect } from '../../../src/wire/objects.js';
import { endpoint, fixture, network, service, type Fixture } from './fixture.js';
import { until } from '../../support/until.js';

// Long lists: everybody else is served meanwhile, and a client gets no more than he reads.

const url = '/api/v1/inspect/networks/';

async function withNetwork(t: Test): Promise<Fixture & { view: NetworkView }> {
  const made = await fixture(t);
  await made.request('POST', '/api/v1/networks/default:net/', network);
  return { ...made, view: made.operations.network('default', 'net') };
}

/** The same network again and again; how often it was taken, and whether somebody said that it is enough. */
function endless({ operations, view }: { operations: Fixture['operations']; view: NetworkView }): { taken: number; ended: boolean } {
  const seen = { taken: 0, ended: false };
  operations.inspectNetworks = function* () {
    try {
      for (;;) {
        seen.taken += 1;
        yield view;
      }
    } finally {
      seen.ended = true;
    }
  };
  return seen;
}

async function listen(t: Test, { api }: Fixture): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'netctl-lists-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const socketPath = join(directory, 'netctl.sock');
  await api.listenUnix(socketPath, { groups: [] });
  return socketPath;
}

/** What was logged as one. */
const failures = ({ log }: Fixture): string[] => log.filter((line) => (JSON.parse(line) as { level: unknown }).level === 'error');

/** The beginning of the answer; nothing of the body is read. */
async function begin(socketPath: string): Promise<IncomingMessage> {
  const call = request({ socketPath, path: url, agent: false }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return response;
}

t.test('a short list is one piece, and a long one many, with the same content', async (t) => {
  const made = await withNetwork(t);
  for (const [count, pieces] of [[0, 'one'], [1, 'one'], [5000, 'many']] as const) {
    made.operations.inspectNetworks = () => Array<NetworkView>(count).fill(made.view);
    const answer = await made.api.inject({ method: 'GET', url });
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    t.equal(answer.headers['content-length'] === undefined ? 'many' : 'one', pieces, `${count} items`);
    const one = await made.request('GET', `${url}default:net/`);
    t.equal(answer.payload, `[${Array<string>(count).fill(one.text).join(',')}]`);
  }
});

t.test('between the pieces of a list others have their turn', async (t) => {
  const made = await withNetwork(t);
  let [turns, most, last] = [0, 0, 0];
  const turn = (): void => {
    turns += 1;
    ticking = setImmediate(turn);
  };
  let ticking = setImmediate(turn);
  made.operations.inspectNetworks = function* () {
    let inOneTurn = 0;
    for (let count = 0; count < 20_000; count += 1) {
      inOneTurn = turns === last ? inOneTurn + 1 : 1;
      [last, most] = [turns, Math.max(most, inOneTurn)];
      yield made.view;
    }
  };
  const { payload } = await made.api.inject({ method: 'GET', url });
  clearImmediate(ticking);
  const size = payload.length / 20_000;
  t.ok(payload.length > 40 * 64 * 1024, `${payload.length} characters`);
  // Two pieces: that which is in the answer from the beginning is made in the turn in which it was asked for.
  t.ok(most * size <= 2 * (64 * 1024 + size), `${most} items of ${Math.ceil(size)} characters in one turn`);
});

t.test('an item that takes long to make ends a piece', async (t) => {
  const made = await withNetwork(t);
  let [turns, most, inOneTurn, last] = [0, 0, 0, 0];
  const turn = (): void => {
    turns += 1;
    ticking = setImmediate(turn);
  };
  let ticking = setImmediate(turn);
  made.operations.inspectNetworks = function* () {
    for (let count = 0; count < 10; count += 1) {
      inOneTurn = turns === last ? inOneTurn + 1 : 1;
      [last, most] = [turns, Math.max(most, inOneTurn)];
      const end = performance.now() + 5;
      while (performance.now() < end);
      yield made.view;
    }
  };
  t.equal(((await made.request('GET', url)).json as unknown[]).length, 10);
  clearImmediate(ticking);
  t.ok(most <= 2, `${most} in one turn`);
});

t.test('a client that goes away ends it', async (t) => {
  const made = await withNetwork(t);
  const seen = endless(made);
  const response = await begin(await listen(t, made));
  t.notOk(seen.ended);
  response.destroy();
  await until('nothing more is made', () => seen.ended);
  const { taken } = seen;
  t.equal((await made.request('GET', '/healthz')).text, 'ok');
  t.equal(seen.taken, taken);
  t.strictSame(failures(made), [], 'which is no failure');
});

t.test('for a client that does not read not all of it is made', async (t) => {
  const made = await withNetwork(t);
  const seen = endless(made);
  const response = await begin(await listen(t, made));
  const { text } = await made.request('GET', `${url}default:net/`);
  // Others are answered meanwhile; when nothing was made during fifty of their answers, it waits for its reader.
  let [quiet, before] = [0, 0];
  await until('it waits', async () => {
    await made.request('GET', '/healthz');
    [quiet, before] = [seen.taken === before ? quiet + 1 : 0, seen.taken];
    return quiet === 50;
  });
  const held = seen.taken * text.length;
  t.ok(held < 4 * 2 ** 20, `${held} characters: what the sockets and the pieces hold`);
  response.resume();
  await until('it goes on when he reads', () => seen.taken * text.length > 3 * held);
  response.destroy();
  await until('and ends', () => seen.ended);
});

t.test('what goes wrong in the middle ends the connection, so that nobody takes a part for all', async (t) => {
  const made = await withNetwork(t);
  made.operations.inspectNetworks = function* () {
    for (let count = 0; count < 5000; count += 1) yield made.view;
    throw new Error('a bug');
  };
  const response = await begin(await listen(t, made));
  t.equal(response.statusCode, 200);
  response.resume();
  await t.rejects(once(response, 'end'), { code: 'ECONNRESET' });
  t.match(failures(made), [/a bug/]);
  t.equal((await made.request('GET', '/healthz')).text, 'ok');
});

t.test('what goes wrong with the first is the answer', async (t) => {
  const made = await withNetwork(t);
  made.operations.inspectNetworks = function* () {
    if (made.view.services.length === 0) throw new Error('a bug');
    yield made.view;
  };
  t.match(await made.request('GET', url), { status: 500, text: 'internal error: a bug' });
});

t.test('lists of one tenant, and brief ones', async (t) => {
  const { request: ask, operations } = await withNetwork(t);
  operations.endpoints = [endpoint];
  await ask('POST', '/api/v1/tenants/blue/', { tenantName: 'blue' });
  await ask('POST', '/api/v1/networks/blue:sea/', { ...network, tenantName: 'blue', networkName: 'sea' });
  await ask('POST', '/api/v1/serviceLBs/default:web/', service);
  await ask('POST', '/api/v1/serviceLBs/blue:db/', { ...service, tenantName: 'blue', serviceName: 'db', networkName: 'sea' });
  const names = async (path: string): Promise<unknown[]> => ((await ask('GET', path)).json as { key?: string; Config?: { key: string }; Oper?: { endpointID?: string } }[]).map(({ key, Config, Oper }) => key ?? Config?.key ?? Oper?.endpointID);
  for (const [path, blue, all] of [
    ['tenants', ['blue'], ['default', 'blue']],
    ['networks', ['blue:sea'], ['default:net', 'blue:sea']],
    ['serviceLBs', ['blue:db'], ['default:web', 'blue:db']],
  ] as const) {
    for (const prefix of ['/api/v1', '/api/v1/inspect']) {
      t.strictSame(await names(`${prefix}/${path}/`), all);
      t.strictSame(await names(`${prefix}/${path}/?tenant=blue`), blue);
      t.match(await ask('GET', `${prefix}/${path}/?tenant=none`), { status: 404, text: 'there is no tenant none' });
    }
  }
  t.strictSame(await names('/api/v1/inspect/endpoints/?tenant=default'), [endpoint.endpoint.id]);
  t.strictSame(await names('/api/v1/inspect/endpoints/?tenant=blue'), []);
  t.match(await ask('GET', '/api/v1/inspect/endpoints/?tenant=none'), { status: 404 });

  const [whole] = (await ask('GET', '/api/v1/inspect/serviceLBs/?tenant=default')).json as ServiceInspect[];
  const { providers, ...brief } = whole?.Oper ?? {};
  t.equal(providers?.length, 1);
  t.strictSame((await ask('GET', '/api/v1/inspect/serviceLBs/?tenant=default&brief=true')).json, [{ Config: whole?.Config, Oper: brief }]);
  t.strictSame((await ask('GET', '/api/v1/inspect/serviceLBs/?tenant=default&brief=false')).json, [whole]);
  const { Config, Oper } = networkInspect.parse((await ask('GET', '/api/v1/inspect/networks/default:net/')).json);
  const { pktTag, dockerNetworkID, numEndpoints, allocatedAddressesCount } = Oper;
  t.strictSame((await ask('GET', '/api/v1/inspect/networks/?tenant=default&brief=true')).json, [{ Config, Oper: { pktTag, dockerNetworkID, numEndpoints, allocatedAddressesCount } }]);
  t.match(await ask('GET', '/api/v1/inspect/networks/?brief=very'), { status: 400, text: /brief/ });
});
