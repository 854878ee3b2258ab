import t from 'tap';
import { judgeEncryption } from '../../../src/checkup/encryption.js';

const facts = { error: undefined, others: new Map<string, string | undefined>(), port: 51820 };

t.test('encrypted connections with other hosts', (t) => {
  t.same(judgeEncryption(facts), [{ check: 'encryption', status: 'ok', message: 'no other host is there' }]);
  t.same(judgeEncryption({ ...facts, others: new Map([['h2', undefined], ['h3', undefined]]) }), [{ check: 'encryption', status: 'ok', message: 'there are encrypted connections with h2, h3' }]);
  const [finding, ...more] = judgeEncryption({ ...facts, others: new Map([['h2', undefined], ['h3', 'it has no key for encrypted connections']]) });
  t.match(finding, { status: 'failed', message: 'host h3 is not reached: it has no key for encrypted connections', remedy: /UDP ports 51820 and 51821/ });
  t.same(more, []);
  t.match(judgeEncryption({ ...facts, error: 'the program wg is not installed', others: new Map([['h2', 'this host has none']]) }), [{ status: 'failed', message: 'the program wg is not installed' }], 'one reason is told once');
  t.end();
});
