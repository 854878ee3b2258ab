// Prints netctl's manual page, made of the tables that also make its help. Usage: manual.js VERSION DATE
import { example, page, paragraph, section, subsection, term } from '../src/text/manual.js';
import { isSwitch, type Command, type Flag, type Flags, type Noun } from './command.js';
import { globalFlags } from './flags.js';
import { nouns } from './nouns.js';
import { usageLine } from './program.js';

const [version = 'unknown', date = ''] = process.argv.slice(2);

process.stdout.write(
  page(
    { name: 'netctl', section: 1, date, version },
    section('Name', 'netctl \\- networks and services for the containers of Docker hosts'),
    section('Synopsis', paragraph('netctl COMMAND [FLAGS] [NAMES]')),
    section(
      'Description',
      paragraph(
        'netctl is the command line of netctld(8), which gives the containers of a Docker host networks, and services in front of them. A service is one stable IP address; its providers are the containers whose labels match its selectors.',
      ),
      paragraph('Flags take one dash or two, and stand before or after names. "netctl COMMAND --help" tells what this page does, too.'),
    ),
    section('Flags of every command', ...flagTerms(globalFlags)),
    section('Commands', ...(await commandSections())),
    section(
      'Environment',
      term('NETCTL_HOST', 'Where netctld listens, if --host does not say it.'),
      term('NETCTL_CERT_PATH', 'A directory with ca.pem, cert.pem and key.pem, for https.'),
      term('NO_COLOR', 'If it is set, messages are not coloured.'),
    ),
    section('Files', term('/run/netctl/netctl.sock', 'The socket of netctld. Members of the group netctl may use it.')),
    section(
      'Exit status',
      term('0', 'Done.'),
      term('1', 'The command line is wrong; nothing was sent.'),
      term('2', 'netctld was not reached, or did not answer.'),
      term('3', 'netctld answered, and refused.'),
      term('4', 'The output could not be written.'),
      term('5', 'netctl doctor found something wrong.'),
    ),
    section('See also', paragraph('netctld(8), netctld.json(5), docker(1), nft(8)')),
  ),
);

async function commandSections(): Promise<string[]> {
  const loaded = await Promise.all(nouns.map(async (noun) => ({ noun, found: await noun.load() })));
  return loaded.flatMap(({ noun, found }) => {
    const title = `netctl ${noun.name}`;
    return isList(found) ? found.map((command) => commandSection(`${title} ${command.name}`, noun, command)) : [commandSection(title, noun, found)];
  });
}

function isList(found: Command | readonly Command[]): found is readonly Command[] {
  return Array.isArray(found);
}

function commandSection(title: string, noun: Noun, command: Command): string {
  const { summary, details, flags, examples, aliases = [] } = command;
  const also = [...noun.aliases.map((alias) => `"netctl ${alias}"`), ...aliases.map((alias) => `"${alias}"`)];
  const text = [`${summary}.`, details, also.length === 0 ? undefined : `May also be written with ${also.join(' and ')}.`];
  return subsection(usageLine(title, command), paragraph(text.filter((part) => part !== undefined).join(' ')), ...flagTerms(flags), example(...examples));
}

function flagTerms(flags: Flags): string[] {
  return Object.entries<Flag>(flags).map(([name, flag]) => {
    const spellings = [`--${name}`, ...flag.aliases.map((alias) => (alias.length === 1 || alias.length === 2 ? `-${alias}` : `--${alias}`))].join(', ');
    const required = flag.required ? ' Required.' : '';
    const otherwise = flag.default === undefined ? '' : ` Default: ${flag.default}.`;
    return term(isSwitch(flag) ? spellings : `${spellings} VALUE`, `${flag.describe}.${required}${otherwise}`);
  });
}
