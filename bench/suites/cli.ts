import type { Figure, Suite } from '../suite.js';
import { Lab } from '../support/lab.js';

const rows = 1000;
/** Runs of a command in each turn. */
const runs = 3;

/** All rows in one process, each by a POST to the Unix socket $1, with a number in the place of %d in the path $2 and the body $3. */
const makeRows = `
  for number in $(seq ${rows}); do
    printf 'next\\nunix-socket = "%s"\\nurl = "http://localhost%s"\\nheader = "Content-Type: application/json"\\ndata = "%s"\\noutput = /dev/null\\nfail\\nshow-error\\nsilent\\n' \\
      "$1" "\${2//%d/$number}" "\${3//%d/$number}"
  done | tail -n +2 | curl --parallel --parallel-max 20 --config -`;

/** Seconds that have passed, and of processor time in the command and in the kernel for it. The clock is read in the host, so that the way into it is not in the times. */
const timeRuns = `TIMEFORMAT='%3R %3U %3S'; export LC_ALL=C; time for run in $(seq ${runs}); do "$@" >/dev/null; done`;

const figures: readonly Figure[] = [
  { key: 'time', title: 'time', unit: 'ms', better: 'less' },
  { key: 'processor', title: 'processor time', unit: 'ms', better: 'less', withoutGoal: true },
];

/** What the command line takes, against Docker's own and against a Node.js that does nothing. */
export const cli: Suite = {
  name: 'cli',
  title: 'The command line: netctl against docker',
  programs: [['docker', '--version'], ['dockerd', '--version']],
  async prepare(teardown) {
    const lab = new Lab(1);
    teardown(() => lab.down());
    await lab.up();
    await lab.exec(1, 'netctl', 'net', 'create', 'bench', '-s', '10.1.0.0/16', '-g', '10.1.255.254');
    await make(lab, '/run/netctl/netctl.sock', '/api/v1/serviceLBs/default:service%d/', {
      tenantName: 'default', serviceName: 'service%d', networkName: 'bench', ports: ['80:80:TCP'], selectors: ['app=bench%d'],
    });
    await make(lab, '/run/docker.sock', '/containers/create?name=container%d', { Image: 'alpine', Cmd: ['true'], HostConfig: { NetworkMode: 'none' } });
    const lists = { 'docker ps': ['docker', 'ps', '--all'], 'netctl service ls': ['netctl', 'service', 'ls'] };
    // Two lines of titles, and one.
    await expectLines(lab, rows + 1, lists['docker ps']);
    await expectLines(lab, rows + 2, lists['netctl service ls']);
    const starts = { node: [process.execPath, '-e', '0'], 'docker --help': ['docker', '--help'], 'netctl --help': ['netctl', '--help'] };
    return {
      contenders: {
        'docker ps': `docker ps --all, with ${rows} containers that were created and not started`,
        'netctl service ls': `with ${rows} services, on the same host`,
        node: 'node -e 0: a Node.js that does nothing',
        'docker --help': "a program of Docker's, in Go",
        'netctl --help': 'as the lab runs it, which is what make build makes',
      },
      experiments: [
        experiment(`A list of ${rows}`, lab, lists, { 'netctl service ls': 1 / 1.5 }),
        // 100 ms where Node.js alone takes 60.
        experiment('A start', lab, starts, { 'netctl --help': 0.6 }),
      ],
    };
  },
};

type Commands = Readonly<Record<string, readonly string[]>>;

function experiment(title: string, lab: Lab, commands: Commands, goals: Readonly<Record<string, number>>): Awaited<ReturnType<Suite['prepare']>>['experiments'][number] {
  return { title, contenders: Object.keys(commands), figures, goals, run: (contender) => timesOf(lab, commands[contender] ?? []) };
}

async function make(lab: Lab, socket: string, path: string, body: object): Promise<void> {
  await lab.exec(1, 'bash', '-ec', makeRows, 'bash', socket, path, JSON.stringify(body).replaceAll('"', '\\"'));
}

async function expectLines(lab: Lab, expected: number, command: readonly string[]): Promise<void> {
  const lines = (await lab.exec(1, ...command)).split('\n').length;
  if (lines !== expected) throw new Error(`${command.join(' ')} printed ${lines} lines, not ${expected}`);
}

/** In milliseconds, of one run. */
async function timesOf(lab: Lab, command: readonly string[]): Promise<{ time: number; processor: number }> {
  const printed = await lab.exec(1, 'bash', '-ec', `{ ${timeRuns}; } 2>&1`, 'bash', ...command);
  const [time = NaN, user = NaN, kernel = NaN] = printed.split(' ').map((seconds) => (Number(seconds) * 1000) / runs);
  return { time, processor: user + kernel };
}
