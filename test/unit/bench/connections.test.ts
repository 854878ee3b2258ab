import t from 'tap';
import { parseConnections } from '../../../bench/connections.js';

const printed = { began: 1e9, ended: 3e9, answered: 100, failed: 0, processor: 250_000_000, times: [], answers: [], failures: [] };
const parse = (more: object): ReturnType<typeof parseConnections> => parseConnections(JSON.stringify({ ...printed, ...more }));

t.test('rate, answers and failures', (t) => {
  const found = parse({ failed: 1, answers: [['a', 60], ['b', 40]], failures: [[1_500_000_000, 1_502_500_000, 'ECONNREFUSED']] });
  t.equal(found.rate, 50);
  t.equal(found.processorSeconds, 0.25);
  t.same([...found.answers], [['a', 60], ['b', 40]]);
  t.same(found.failures, [{ began: 1500, ended: 1502.5, reason: 'ECONNREFUSED' }]);
  t.end();
});

t.test('times are known by the buckets in which they lie', (t) => {
  const { median, slow } = parse({ times: [[51_200, 50], [102_400, 49], [204_800, 1]] });
  t.equal(median, 51.456, 'the end of a bucket of 256 ns');
  t.equal(slow, 102.912, 'the end of a bucket of 512 ns');
  t.equal(parse({ times: [[100, 4]] }).median, 0.1005, 'a bucket of one nanosecond, half of which are below');
  t.ok(Number.isNaN(parse({}).median), 'nothing was answered');
  t.end();
});
