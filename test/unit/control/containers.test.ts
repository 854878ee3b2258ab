import t from 'tap';
import { Containers } from '../../../daemon/control/containers.js';
import { pino } from 'pino';

const log = pino({ level: 'silent' });
const long = 3_600_000;

t.test('what Docker has to say is waited for', async (t) => {
  const containers = new Containers(log);
  let known: boolean | undefined;
  const waiting = containers.heard(long).then(() => (known = containers.areKnown));
  t.equal(known, undefined);
  containers.connected([]);
  await waiting;
  t.equal(known, true, 'until it has told of its containers');
  await containers.heard(long);
  t.pass('and never again');
});

t.test('one that does not answer is not waited for', async (t) => {
  const containers = new Containers(log);
  const waiting = containers.heard(long);
  containers.disconnected('there is no Docker');
  await waiting;
  await containers.heard(long);
  t.notOk(containers.areKnown);
});

t.test('nobody is kept waiting twice', async (t) => {
  const containers = new Containers(log);
  await containers.heard(1);
  await containers.heard(long);
  t.notOk(containers.areKnown);
});
