import t, { type Test } from 'tap';
import { Events } from '../../../daemon/control/events.js';
import type { ObjectEvent } from '../../../src/model/event.js';
import { Bed, networkRequest, serviceRequest, until } from './bed.js';

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  t.teardown(() => bed.stop());
  await bed.start();
  return bed;
}

const told = (bed: Bed, kind: ObjectEvent['kind']): string[] =>
  bed.control.listEvents().filter((event) => event.kind === kind).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);

t.test('the life of a service is told with its providers', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254'));
  await bed.control.createService(serviceRequest('default', 'web', 'n1', 'app=a', '10.1.1.9'));
  const id = await bed.docker.run({ network: 'n1', labels: { app: 'a' } });
  await until('the provider is told', () => told(bed, 'service').length === 2);
  bed.docker.set(id, { state: 'paused' });
  await until('its end is told', () => told(bed, 'service').length === 4);
  await bed.control.createService(serviceRequest('default', 'web', 'n1', 'app=b'));
  await bed.control.deleteService('default', 'web');
  const name = bed.control.listEndpoints()[0]?.container?.name ?? '';
  t.strictSame(told(bed, 'service'), [
    'normal Created: service web is created with 10.1.1.9',
    `normal ProviderAdded: container ${name} (10.1.1.1) gets new connections`,
    `normal ProviderRemoved: container ${name} (10.1.1.1) gets no new connections: is paused`,
    'warning NoProviders: no provider is left: connections are refused',
    'normal Updated: selectors of service web changed',
    'normal Deleted: service web is deleted',
  ]);
  t.match(told(bed, 'endpoint').join('\n'), /Created: endpoint [0-9a-f]{12} is made on network n1 with 10\.1\.1\.1\nnormal Attached: /);
  t.strictSame(told(bed, 'network'), ['normal Created: network n1 is created']);
});

t.test('what people read is in their words', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  await bed.control.createService(serviceRequest('default', 'web', 'n1', 'app=a'));
  const id = await bed.docker.run({ network: 'n1', labels: { app: 'a' } });
  await bed.control.drainService('default', 'web', id);
  t.match(told(bed, 'service').join('\n'), /Updated: drained containers of service web changed/);
  await bed.docker.stop(id);
  await until('its endpoint is gone', () => told(bed, 'endpoint').some((text) => / Deleted: endpoint [0-9a-f]{12} is deleted$/.test(text)));
});

t.test('providers that were there before netctld are not told', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  await bed.control.createService(serviceRequest('default', 'web', 'n1', 'app=a'));
  await bed.docker.run({ network: 'n1', labels: { app: 'a' } });
  await until('it is a provider', () => told(bed, 'service').length === 2);
  await bed.stop();
  await bed.start();
  await until('it is one again', () => bed.control.service('default', 'web').providers.length === 1);
  const second = await bed.docker.run({ network: 'n1', labels: { app: 'a' } });
  await until('a new one is told', () => told(bed, 'service').length > 0);
  t.equal(told(bed, 'service').length, 1, second);
});

t.test('a router that fails and recovers is told, the same failure as one event', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  bed.refuses = () => true;
  await bed.control.createService(serviceRequest('default', 'web', 'n1', 'app=a'));
  await until('it is tried again', () => bed.control.listEvents().some(({ reason, count }) => reason === 'RouterFailed' && count > 1));
  bed.refuses = () => false;
  await until('it recovers', () => told(bed, 'tenant').some((text) => text.includes('RouterRecovered')));
  t.equal(told(bed, 'tenant').filter((text) => text.includes('RouterFailed')).length, 1);
});

t.test('Docker is lost and found', async (t) => {
  const bed = await started(t);
  bed.control.containerListener.disconnected('it went away');
  bed.docker.connect();
  t.strictSame(told(bed, 'host').slice(-2), [
    'warning DockerLost: Docker does not answer (it went away): what is known of its containers stays in force',
    'normal DockerConnected: Docker answers; its containers are known',
  ]);
});

t.test('events are counted, followed and forgotten', (t) => {
  let now = 0;
  const events = new Events(() => ++now);
  const seen: string[] = [];
  const unfollow = events.follow(({ name, count }) => void seen.push(`${name} ${count}`));
  const happening = { kind: 'service', tenant: 'default', name: 'a', type: 'normal', reason: 'X', message: 'x' } as const;
  events.record(happening);
  events.record({ ...happening, name: 'b' });
  events.record(happening);
  events.record({ ...happening, message: 'y' });
  unfollow();
  events.record(happening);
  t.strictSame(seen, ['a 1', 'b 1', 'a 2', 'a 1']);
  t.strictSame(events.list().map(({ name, message, sequence, first, last, count }) => [name, message, sequence, first, last, count]), [
    ['b', 'x', 2, 2, 2, 1],
    ['a', 'x', 3, 1, 3, 2],
    ['a', 'y', 4, 4, 4, 1],
    ['a', 'x', 5, 5, 5, 1],
  ]);
  for (let index = 0; index < 3000; index += 1) events.record({ ...happening, name: String(index) });
  t.equal(events.list().length, 2000);
  t.equal(events.list()[0]?.name, '1000');
  t.end();
});
