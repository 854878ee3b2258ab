import { readFileSync } from 'node:fs';
import { execaSync } from 'execa';
import t from 'tap';
import { forbidCoreDumps } from '../../../daemon/kernel/core-dumps.js';

t.test('programs that are started leave no core dumps, and the limit may be raised again', (t) => {
  const limits = (): string[] => /^Max core file size\s+(\S+)\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.slice(1) ?? [];
  const [, hard] = limits();
  forbidCoreDumps();
  t.strictSame(limits(), ['0', hard]);
  t.equal(execaSync('sh', ['-c', 'ulimit -c']).stdout, '0');
  t.end();
});
