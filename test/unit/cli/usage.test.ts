import t from 'tap';
import { Api, netctl } from './harness.js';

const cases: readonly (readonly [line: string, sentence: RegExp, help: string])[] = [
  ['nework', /^netctl: "netctl" has no command "nework": did you mean "network"\?\n/, 'netctl'],
  ['group ls', /^netctl: "netctl group" is a command of Contiv's that this netctl does not have\n/, 'netctl'],
  ['swarm ls', /^netctl: "netctl" has no command "swarm"\n/, 'netctl'],
  ['net creat', /has no command "creat": did you mean "create"\?/, 'netctl network'],
  ['net ls extra', /takes no name, but got "extra"/, 'netctl network ls'],
  ['net create', /needs a NETWORK/, 'netctl network create'],
  ['net create n', /needs --subnet \(-s\)/, 'netctl network create'],
  ['net create n m -s 10.1.1.0/24', /takes one NETWORK, but got "n", "m"/, 'netctl network create'],
  ['net create n --subnt 10.1.1.0/24', /has no flag "--subnt": did you mean "--subnet"\?/, 'netctl network create'],
  ['net create n -subnt=10.1.1.0/24', /has no flag "-subnt": did you mean "--subnet"\?/, 'netctl network create'],
  ['net create n -s', /the flag "-s" needs a value/, 'netctl network create'],
  ['net create n -s --gateway 10.1.1.1', /the flag "-s" needs a value/, 'netctl network create'],
  ['net create n -s 10.1.1.0/24 --subnet 10.2.1.0/24', /--subnet \(-s\) is given 2 times/, 'netctl network create'],
  ['net create n -s 10.1.1.0/24 -p x', /--pkt-tag \(-p\) is "x", which is not a number/, 'netctl network create'],
  ['net create n -s 10.1.1.0/24 --no-gateway', /has no flag "--no-gateway"/, 'netctl network create'],
  ['net ls -a -t blue', /--all \(-a\) and --tenant \(-t\) exclude each other/, 'netctl network ls'],
  ['net ls -j -q', /--json \(-j\) and --quiet \(-q\) exclude each other/, 'netctl network ls'],
  ['net ls --json=yes', /"--json=yes" is neither true nor false/, 'netctl network ls'],
  ['net ls -aq', /has no flag "-aq": write "-a -q"\n/, 'netctl network ls'],
  ['net ls -ax', /has no flag "-ax"\n/, 'netctl network ls'],
  ['net -x', /"netctl network" has no flag "-x"/, 'netctl network'],
  ['net rm', /needs a NETWORK/, 'netctl network rm'],
  ['service create s -l a=b -p 80:80:TCP', /needs --network \(-s\)/, 'netctl service create'],
  ['service create s -s n -p 80:80:TCP', /needs --selector \(-l\)/, 'netctl service create'],
  ['service create s -s n -l a=b', /needs --port \(-p\): PORT:TARGETPORT:PROTOCOL such as/, 'netctl service create'],
  ['service create s -s n -l a=b -p 80:80:TCP -l', /the flag "-l" needs a value/, 'netctl service create'],
  ['service explain', /needs a SERVICE/, 'netctl service explain'],
  ['service create s -s n -l a=b -p 80:80:TCP -ip 10.1.1.1 -ip 10.1.1.2', /--preferred-ip \(-ip\) is given 2 times for one family \(10\.1\.1\.1, 10\.1\.1\.2\)/, 'netctl service create'],
  ['service update', /netctl service update needs a SERVICE/, 'netctl service update'],
  ['service update s', /netctl service update needs something to change: give --selector/, 'netctl service update'],
  ['service update s --ip ::1 --ip ::2', /is given 2 times for one family \(::1, ::2\)/, 'netctl service update'],
  ['service update s --algorithm', /the flag "--algorithm" needs a value/, 'netctl service update'],
  ['service drain', /needs a SERVICE and at least one CONTAINER/, 'netctl service drain'],
  ['service undrain s', /needs a SERVICE and at least one CONTAINER/, 'netctl service undrain'],
  ['endpoint create x', /has no command "create"/, 'netctl endpoint'],
  ['endpoint inspect', /needs a TEXT/, 'netctl endpoint inspect'],
  ['tenant inspect', /needs a TENANT/, 'netctl tenant inspect'],
  ['tenant rm -t blue x', /has no flag "-t"/, 'netctl tenant rm'],
  ['version now', /takes no name, but got "now"/, 'netctl version'],
  ['completion csh', /no completion for the shell "csh": choose one of bash, zsh, fish/, 'netctl completion'],
  ['--foo', /"netctl" has no flag "--foo"/, 'netctl'],
  ['--host', /the flag "--host" needs a value/, 'netctl'],
  ['--host ftp://x net ls', /--host is "ftp:\/\/x", which is not an address of netctld/, 'netctl'],
];

t.test('a wrong command line is refused before anything is sent', async (t) => {
  const api = await Api.listen({});
  t.teardown(() => api.close());
  for (const [line, sentence, help] of cases) {
    const { code, stdout, stderr } = await api.netctl(...line.split(' '));
    t.strictSame([code, stdout], [1, ''], line);
    t.match(stderr, sentence, line);
    t.equal(stderr.split('\n').slice(1).join('\n'), `See "${help} --help".\n`, line);
  }
  t.match((await api.netctl('tenant', 'rm', 'a', '')).stderr, /got an empty name as TENANT/);
  t.strictSame(api.asked, []);
});

t.test('help', async (t) => {
  const root = await netctl([]);
  t.strictSame([root.code, root.stderr], [0, '']);
  for (const noun of ['network', 'service', 'endpoint', 'tenant', 'events', 'doctor', 'version', 'completion']) t.match(root.stdout, `netctl ${noun} `);
  t.strictSame(await netctl(['--help']), root);
  t.strictSame(await netctl(['help']), root);

  const nouns = { network: 'create ls inspect rm', service: 'create update ls inspect explain stats drain undrain rm', endpoint: 'ls inspect', tenant: 'create ls inspect rm' };
  for (const [noun, commands] of Object.entries(nouns)) {
    const { code, stdout } = await netctl([noun]);
    t.equal(code, 0, noun);
    for (const name of commands.split(' ')) {
      t.match(stdout, `netctl ${noun} ${name} `);
      const help = await netctl([noun, name, '--help']);
      t.strictSame([help.code, help.stderr], [0, ''], `${noun} ${name}`);
      t.match(help.stdout, new RegExp(`^netctl ${noun} ${name} .*\\n\\n[A-Z][^]*?\\.\\n\\nFlags`), 'usage and description');
      t.match(help.stdout, /--host/);
      t.match(help.stdout, /Examples:\n {2}netctl /);
    }
  }
  t.equal((await netctl(['help', 'net', 'rm'])).stdout, (await netctl(['network', 'delete', '-h'])).stdout);
});

t.test('help is shown even for a line that is wrong otherwise', async (t) => {
  const { code, stdout } = await netctl(['net', 'create', '-s', '--help']);
  t.equal(code, 0);
  t.match(stdout, /^netctl network create /);
});

t.test('messages are English in every locale', async (t) => {
  const { stdout } = await netctl(['net', '--help'], { LC_ALL: 'de_DE.UTF-8', LANG: 'de_DE.UTF-8' });
  t.match(stdout, /\nCommands:\n/);
});
