import { existsSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import t from 'tap';
import { anchors, documents, read, relativeLinks, root } from './markdown.js';

t.test('what is found in a document', async (t) => {
  const text = '# One, two\n[a](b.md#c) [out](https://example.org/) `[code](no.md)`\n```\n[block](no.md)\n# no heading\n```\n## `x` y\n';
  t.strictSame(relativeLinks(text), ['b.md#c']);
  t.strictSame(anchors(text), ['one-two', 'x-y']);
});

t.test('every link leads somewhere', async (t) => {
  const files = documents();
  t.ok(files.includes('README.md') && files.includes('docs/architecture.md'), 'the documents are found');
  const broken = files.flatMap((file) => relativeLinks(read(file)).flatMap((link) => whyBroken(file, link)));
  t.strictSame(broken, []);
});

/** One sentence, or nothing if the link is good. */
function whyBroken(file: string, link: string): string[] {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : normalize(join(dirname(file), path));
  if (!existsSync(join(root, target))) return [`${file}: ${link}: there is no ${target}`];
  if (anchor === undefined || anchors(read(target)).includes(anchor)) return [];
  return [`${file}: ${link}: ${target} has no such heading`];
}

t.test('every record of a decision is in the list of them', async (t) => {
  const index = 'docs/decisions/README.md';
  const records = documents('docs/decisions').map((path) => basename(path)).filter((name) => name !== 'README.md');
  t.ok(records.length > 5, 'the records are found');
  t.strictSame(records.toSorted(), relativeLinks(read(index)).toSorted());
});
