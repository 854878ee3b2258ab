import t from 'tap';
import { checkName, dockerNetworkName, objectKey, parseObjectKey } from '../../../src/model/names.js';

t.test('names that Contiv accepts are accepted', (t) => {
  for (const name of ['a', '1', 'contiv-net', 'a.b', 'A-1.b--c.D', '0.0', 'x'.repeat(64)]) {
    t.equal(checkName('tenant', name), name);
    t.equal(checkName('network', name), name);
  }
  t.equal(checkName('network', 'my_app_default'), 'my_app_default', "compose's names of networks");
  t.equal(checkName('service', 's'.repeat(256)), 's'.repeat(256));
  t.end();
});

t.test('others are refused', (t) => {
  for (const name of ['-a', 'a-', '.a', 'a.', 'a..b', 'a.-b', 'a:b', 'a|b', 'a\\b', 'a#b', 'a@b', 'a/b', '_a', 'a_', 'a._b', 'a b', 'a\n', 'ä', '..']) {
    t.throws(() => checkName('network', name), { code: 'invalid', message: /is not a valid network name/ }, JSON.stringify(name));
  }
  for (const kind of ['tenant', 'service'] as const) t.throws(() => checkName(kind, 'a_b'), { code: 'invalid', message: /is not a valid/ });
  t.throws(() => checkName('service', ''), { code: 'invalid', message: 'the service has no name' });
  t.throws(() => checkName('tenant', 'x'.repeat(65)), { code: 'invalid', message: /65 characters long: at most 64/ });
  t.throws(() => checkName('network', 'x'.repeat(65)), { code: 'invalid', message: /at most 64/ });
  t.throws(() => checkName('service', 'x'.repeat(257)), { code: 'invalid', message: /at most 256/ });
  t.end();
});

t.test('a hostile name is refused at once', (t) => {
  const started = process.hrtime.bigint();
  t.throws(() => checkName('service', `${'a-'.repeat(127)}!`), { code: 'invalid' });
  t.throws(() => checkName('service', `${'a.'.repeat(127)}!`), { code: 'invalid' });
  t.ok(process.hrtime.bigint() - started < 1_000_000_000n);
  t.end();
});

t.test('Docker knows a network by its name, with the tenant behind it unless that is default', (t) => {
  t.equal(dockerNetworkName('default', 'net'), 'net');
  t.equal(dockerNetworkName('blue', 'net'), 'net/blue');
  t.end();
});

t.test('keys', (t) => {
  t.equal(objectKey('default', 'app-svc'), 'default:app-svc');
  t.same(parseObjectKey('default:app-svc'), { tenant: 'default', name: 'app-svc' });
  for (const key of ['', ':', 'default', 'default:', ':x', 'a:b:c']) t.throws(() => parseObjectKey(key), { code: 'invalid' }, key);
  t.end();
});
