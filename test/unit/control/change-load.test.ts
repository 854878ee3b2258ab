import t from 'tap';
import type { Outcome, Transaction } from '../../../daemon/store/port.js';
import { parseTerm } from '../../../src/selectors/parse.js';
import { Bed, networkRequest, serviceRequest, until } from './bed.js';

t.test('while many changes wait for the disk, the router goes on with what is known', async (t) => {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  const { control, docker, store } = bed;
  await control.createNetwork(networkRequest('default', 'n1', '10.1.0.0/16', '10.1.255.254'));
  await control.createService(serviceRequest('default', 's0', 'n1', 'app=one'));
  const id = await docker.run({ name: 'one', network: 'n1', labels: { app: 'one' } });
  await until('it is a provider', () => control.service('default', 's0').providers.length === 1);
  await bed.settle();

  const transact = store.transact.bind(store);
  let goOn: (() => void) | undefined;
  const disk = new Promise<void>((resolve) => (goOn = resolve));
  store.transact = async (transaction: Transaction): Promise<Outcome> => disk.then(() => transact(transaction));
  const changes = Array.from({ length: 10 }, (_, index) => control.createService(serviceRequest('default', `new${index}`, 'n1', 'app=other')));
  const slots = async (): Promise<number> => {
    const tables = await bed.kernel.nftables.read('default');
    return typeof tables === 'object' ? [...tables.ip.ports.values()].flatMap((port) => port.slots).length : NaN;
  };
  t.equal(await slots(), 2, 'of two ports');
  docker.set(id, { health: 'unhealthy' });
  await until('it gets no new connections', async () => (await slots()) === 0);
  goOn?.();
  await Promise.all(changes);
  t.equal(control.listServices('default').length, 11);
});

t.test('what the host itself needs is not thought over for each change of a service', async (t) => {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  const { control } = bed;
  await control.createNetwork(networkRequest('default', 'n1', '10.1.0.0/16', '10.1.255.254'));
  await control.createService(serviceRequest('default', 's0', 'n1', 'app=one', '10.1.0.100'));
  await bed.settle();
  const { access } = control['parts'].hostNetwork['parts'];
  const plan = access.plan.bind(access);
  let plans = 0;
  access.plan = (routes) => ((plans += 1), plan(routes));
  for (const app of ['two', 'three']) await control.updateService({ tenant: 'default', name: 's0', selectors: [parseTerm(`app=${app}`)] });
  t.equal(plans, 0);
  await control.createNetwork(networkRequest('default', 'n2', '10.2.0.0/16', '10.2.255.254'));
  t.ok(plans > 0, 'but for each other one');
});
