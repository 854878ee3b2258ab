import t from 'tap';
import { createLogger } from '../../../daemon/log.js';

t.test('each event is one line of JSON with its time, its level and its ids', (t) => {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
  logger.debug('not asked for');
  logger.info({ tenant: 'blue' }, 'reconciled');
  logger.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  t.equal(lines.length, 2);
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, Record<string, string>>);
  t.match(first, { level: 'info', tenant: 'blue', msg: 'reconciled', time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ });
  t.notOk(first?.['pid'], 'the supervisor knows the process and the host');
  t.match(second?.['error'], { type: 'Error', message: /outer.*inner/, stack: /inner/ });
  t.end();
});
