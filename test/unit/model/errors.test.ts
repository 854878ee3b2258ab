import t from 'tap';
import { conflict, errorCodes, inUse, invalid, messageOf, NetctlError, notFound, unavailable } from '../../../src/model/errors.js';

t.test('each maker makes an error of its code', (t) => {
  for (const [make, code] of [
    [invalid, 'invalid'],
    [notFound, 'not-found'],
    [conflict, 'conflict'],
    [inUse, 'in-use'],
    [unavailable, 'unavailable'],
  ] as const) {
    const error = make('no such luck');
    t.ok(error instanceof NetctlError && error instanceof Error);
    t.match(error, { name: 'NetctlError', code, message: 'no such luck' });
    t.ok(errorCodes.includes(code));
  }
  t.end();
});

t.test('a cause is kept', (t) => {
  const cause = new Error('ECONNREFUSED');
  t.equal(unavailable('Docker does not answer', cause).cause, cause);
  t.end();
});

t.test('what is shown of an unknown thrown value', (t) => {
  t.equal(messageOf(new Error('boom')), 'boom');
  t.equal(messageOf(invalid('not so')), 'not so');
  t.equal(messageOf('text'), 'text');
  t.equal(messageOf(undefined), 'undefined');
  t.end();
});
