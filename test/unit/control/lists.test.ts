import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createApi } from '../../../daemon/api/server.js';
import { createLogger } from '../../../daemon/log.js';
import { Metrics } from '../../../daemon/metrics.js';
import type { ServiceInspect } from '../../../src/wire/objects.js';
import { Bed, networkRequest, serviceRequest, until } from './bed.js';

// Lists of what there is, and what becomes of them and of others while they are made.

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.0.0/16', '10.1.255.254'));
  return bed;
}

/** The daemon's REST API on a socket; the beginning of an answer of which nothing is read yet. */
async function ask(t: Test, { control }: Bed, path: string): Promise<IncomingMessage> {
  const directory = mkdtempSync(join(tmpdir(), 'netctl-lists-'));
  const version = { version: '1.2.3', gitCommit: 'abc', buildTime: 'now' };
  const api = await createApi({ operations: control, metrics: new Metrics(version), logger: createLogger('error', { write() {} }), version });
  t.teardown(async () => {
    await api.close();
    rmSync(directory, { recursive: true });
  });
  const socketPath = join(directory, 'netctl.sock');
  await api.listenUnix(socketPath, { groups: [] });
  const [response] = (await once(request({ socketPath, path, agent: false }).end(), 'response')) as [IncomingMessage];
  return response;
}

t.test('of one tenant or of all, by name', async (t) => {
  const bed = await started(t);
  const { control } = bed;
  await control.createTenant({ name: 'blue' });
  await control.createNetwork(networkRequest('blue', 'sea', '10.1.0.0/16'));
  for (const name of ['b', 'a']) await control.createService(serviceRequest('default', name, 'n1', 'app=one'));
  await control.createService(serviceRequest('blue', 'c', 'sea', 'app=one'));
  await bed.docker.run({ name: 'one', network: 'n1', labels: { app: 'one' } });
  const names = (tenant?: string): string[] => control.listServices(tenant).map(({ service }) => `${service.tenant}:${service.name}`);
  t.same(names(), ['blue:c', 'default:a', 'default:b']);
  t.same(names('default'), ['default:a', 'default:b']);
  t.same(control.listServices('default').map(({ numProviders, providers }) => [numProviders, providers.length]), [[1, 1], [1, 1]]);
  t.same(control.listNetworks('blue').map(({ name }) => name), ['sea']);
  t.same([control.listEndpoints('default').length, control.listEndpoints('blue').length, control.listEndpoints().length], [1, 0, 1]);
  for (const list of [names, (tenant: string) => control.listNetworks(tenant), (tenant: string) => control.listEndpoints(tenant)]) t.throws(() => list('none'), { code: 'not-found' });
});

t.test('a network that is deleted while a list is made is still in it', async (t) => {
  const { control } = await started(t);
  await control.createNetwork(networkRequest('default', 'n2', '10.2.0.0/24'));
  const views = control.inspectNetworks()[Symbol.iterator]();
  t.match(views.next().value, { network: { name: 'n1' } });
  await control.deleteNetwork('default', 'n2');
  t.match(views.next().value, { network: { name: 'n2' }, allocatedCount: 0, endpoints: [] });
  t.equal(views.next().done, true);
});

t.test('a change is programmed while a list is made', async (t) => {
  const bed = await started(t);
  const services = Array.from({ length: 400 }, (_, index) => `s${index}`);
  await Promise.all(services.map((name) => bed.control.createService(serviceRequest('default', name, 'n1', 'app=one'))));
  for (let index = 0; index < 8; index += 1) await bed.docker.run({ name: `one${index}`, network: 'n1', labels: { app: 'one' } });
  await until('all have their providers', () => bed.control.service('default', 's399').providers.length === 8);
  let taken = 0;
  const list = bed.control.listServices.bind(bed.control);
  bed.control.listServices = (tenant) => list(tenant).map(({ service, numProviders, providers }) => ({ service, numProviders, get providers() { return (taken += 1, providers); } }));
  const response = await ask(t, bed, '/api/v1/inspect/serviceLBs/');
  await bed.control.createService(serviceRequest('default', 'late', 'n1', 'app=two'));
  await bed.docker.run({ name: 'two', network: 'n1', labels: { app: 'two' } });
  await until('the kernel has it', async () => {
    const [address] = bed.control.service('default', 'late').service.addresses;
    return (await bed.kernel.nftables.traffic('default')).some(({ service }) => address?.equals(service));
  });
  t.ok(taken > 0 && taken < services.length, `${taken} of ${services.length} are in the list yet: nobody has read it`);
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  const answer = JSON.parse(text) as ServiceInspect[];
  t.same(answer.map(({ Config }) => Config.serviceName).sort(), services.sort(), 'it is of what there was when it was asked for');
  t.ok(answer.every(({ Oper }) => Oper.numProviders === 8 && Oper.providers?.length === 8));
});
