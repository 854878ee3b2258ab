import t from 'tap';
import { FakeRouters } from '../../daemon/kernel/routers-fake.js';
import { routersContract } from './routers.js';

t.test('FakeRouters', (t) => routersContract(t, new FakeRouters()));
