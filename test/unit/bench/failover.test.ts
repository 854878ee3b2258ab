import t from 'tap';
import { failoverOf } from '../../../bench/failover.js';

const failure = (began: number, ended: number): { began: number; ended: number; reason: string } => ({ began, ended, reason: 'ECONNREFUSED' });

t.test('until the last connection began that failed', (t) => {
  t.same(failoverOf({ failed: 3, failures: [failure(990, 1001), failure(1200, 2200), failure(1500, 1501)] }, 1000), { failed: 3, last: 500 });
  t.same(failoverOf({ failed: 1, failures: [failure(990, 1001)] }, 1000), { failed: 1, last: 0 }, 'that went on when the provider was killed');
  t.same(failoverOf({ failed: 0, failures: [] }, 1000), { failed: 0, last: 0 });
  t.end();
});

t.test('failures of something else', (t) => {
  t.throws(() => failoverOf({ failed: 1, failures: [failure(990, 992)] }, 1000), { message: 'a connection failed 8.0 ms before the provider was killed: ECONNREFUSED' });
  t.end();
});
