import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { alone, calm, long, selectTests } from '../../runner/suites.js';

function projectRoot(directory = import.meta.dirname): string {
  return existsSync(join(directory, 'package.json')) ? directory : projectRoot(dirname(directory));
}

const all = { suite: undefined, part: '' };

t.test('what runs early, or by itself, is there', async (t) => {
  const files = [...selectTests(projectRoot(), 'dist', all).values()].flat();
  for (const name of [...long, ...calm, ...alone]) t.ok(files.some((file) => file.name === name), name);
  for (const [company, names] of [['alone', alone], ['calm', calm]] as const) t.strictSame(files.filter((file) => file.company === company).map(({ name }) => name).sort(), [...names].sort(), company);
});

t.test('suites run in their order, and in each what takes long begins early', async (t) => {
  const root = t.testdir({ test: { unit: { 'b.test.ts': '', a: { 'c.test.ts': '' } }, contract: {}, kernel: {}, e2e: { 'addresses.test.ts': '', 'random.test.ts': '', 'fuzz.test.ts': '', support: { 'lab.ts': '' } } } });
  const names = (part: string): string[] => [...selectTests(root, 'dist', { suite: undefined, part }).values()].flat().map(({ name }) => name);
  t.strictSame(names(''), ['unit/a/c', 'unit/b', 'e2e/random', 'e2e/fuzz', 'e2e/addresses']);
  t.strictSame(names('test/e2e/fuzz.test.ts'), ['e2e/fuzz'], 'a path is as good as a name');
  t.strictSame([...selectTests(root, 'dist', { suite: 'e2e', part: '' }).keys()], ['e2e']);
});
