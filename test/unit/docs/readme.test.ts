import { execa } from 'execa';
import t from 'tap';
import { flagOf, optionNames } from '../../../daemon/config/options.js';
import { netctlFile } from '../../support/programs.js';
import { read } from './markdown.js';

const readme = read('README.md');

/** The commands that a help text lists, each as the user should spell it. */
async function listed(...words: string[]): Promise<string[]> {
  const { stdout } = await execa(process.execPath, [netctlFile, ...words, '--help']);
  const commands = /^Commands:\n((?: +.*\n)+)/m.exec(stdout)?.[1] ?? '';
  return [...commands.matchAll(/^ {2}(netctl(?: [a-z]+)+)/gm)].map(([, command = '']) => command);
}

t.test('README has every command of netctl', async (t) => {
  const nouns = await listed();
  t.ok(nouns.includes('netctl service'), 'help lists commands');
  // A noun without commands is one itself.
  const commands = await Promise.all(nouns.map(async (noun) => [noun, await listed(...noun.split(' ').slice(1))] as const));
  const single = commands.flatMap(([noun, of]) => (of.length === 0 ? [noun] : []));
  t.ok(single.includes('netctl version') && commands.some(([, of]) => of.includes('netctl service explain')), 'and so does the help of each');
  t.strictSame([...single, ...commands.flatMap(([, of]) => of)].filter((command) => !readme.includes(`\`${command}\``)), [], 'none is left out');
});

t.test('README has every flag of netctld', async (t) => {
  const flags = ['config', ...optionNames.map(flagOf)].map((flag) => `--${flag}`);
  t.ok(flags.includes('--state'), 'the flags are known');
  t.strictSame(flags.filter((flag) => !readme.includes(`| \`${flag}\``)), [], 'none is left out');
});
