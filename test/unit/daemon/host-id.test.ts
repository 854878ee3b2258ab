import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readHostId } from '../../../daemon/host-id.js';

t.test('an id is made up once', (t) => {
  const state = join(t.testdir({}), 'deep', 'state');
  const id = readHostId(state);
  t.match(id, /^[0-9a-f-]{36}$/);
  t.equal(readHostId(state), id);
  t.not(readHostId(join(t.testdirName, 'another')), id, 'another machine has another');
  t.equal(statSync(join(state, 'host-id')).mode & 0o777, 0o600);
  t.end();
});

t.test('a file that was damaged is written anew', (t) => {
  const state = t.testdir({ 'host-id': '' });
  const id = readHostId(state);
  t.equal(readFileSync(join(state, 'host-id'), 'utf8'), `${id}\n`);
  t.end();
});

t.test('what stands in the way is said', (t) => {
  const state = t.testdir({ file: '' });
  t.throws(() => readHostId(join(state, 'file')), { code: 'unavailable', message: /^this host's id cannot be kept in .*\/file\/host-id: / });
  mkdirSync(join(state, 'host-id'));
  writeFileSync(join(state, 'host-id', 'x'), '');
  t.throws(() => readHostId(state), { code: 'unavailable' });
  t.end();
});
