import type { FindingObject } from '../src/wire/objects.js';
import { command } from './command.js';
import { Failure } from './failure.js';
import { printable } from './output.js';
import { doctorPath } from './paths.js';

export const doctorCommand = command({
  name: 'doctor',
  summary: 'Look at everything that netctl needs and holds, and say what is wrong',
  details:
    'The kernel, the programs, Docker, the plugin, the state, and whether each router holds what is desired. ' +
    'netctld repairs by itself, within seconds, what others change; --repair does it at once. The exit code is 5 if something is wrong.',
  flags: {
    repair: { kind: 'switch', aliases: [], describe: 'Repair what can be repaired, and look again' },
    json: { kind: 'switch', aliases: ['j'], describe: 'Print a JSON array' },
  },
  examples: ['netctl doctor', 'netctl doctor --repair'],
  async run(_names, values, { api, output }) {
    const findings = values.repair ? await api.change<readonly FindingObject[]>('POST', doctorPath) : await api.get<readonly FindingObject[]>(doctorPath);
    await (values.json ? output.printJson(findings) : output.print(findings.map(lineOf).join('\n')));
    const wrong = findings.filter(({ status }) => status === 'failed').length;
    if (wrong > 0) throw new Failure('unwell', `${wrong} of ${findings.length} checks failed`);
    if (!values.json) await output.print(`All ${findings.length} checks passed.`);
  },
});

const marks: Record<FindingObject['status'], string> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' };

function lineOf({ check, status, message, remedy }: FindingObject): string {
  const line = printable(`${marks[status]}  ${check}: ${message}`);
  return remedy === undefined ? line : `${line}\n         ${printable(remedy)}`;
}
