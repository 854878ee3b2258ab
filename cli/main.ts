#!/usr/bin/env node
import { messageOf } from '../src/model/errors.js';
import { exitCodes, Failure } from './failure.js';
import { type Output, processOutput } from './output.js';
import { readCommandLine, type Request } from './program.js';

const output = processOutput();
act(output).catch((error: unknown) => {
  process.exitCode = report(error, output);
});

async function act(output: Output): Promise<void> {
  const words = process.argv.slice(2);
  if (words[0] === '__complete') return printSuggestions(words.slice(1), output);
  const request = await readCommandLine(words);
  switch (request.kind) {
    case 'help':
      return output.print(request.text);
    case 'version': {
      const { clientVersion } = await import('./build.js');
      const { version, gitCommit } = clientVersion();
      return output.print(`netctl version ${version}, build ${gitCommit}`);
    }
    case 'run':
      return run(request, output);
  }
}

async function run({ command, names, values }: Extract<Request, { kind: 'run' }>, output: Output): Promise<void> {
  const [{ ApiClient }, { chooseTarget }, { withCertificates }] = await Promise.all([import('./client.js'), import('./target.js'), import('./certificates.js')]);
  const api = new ApiClient(await withCertificates(chooseTarget(values.host, process.env), values, process.env));
  await command.run(names, values, { api, output });
}

/** For the script that `netctl completion` prints: one suggestion a line, or another exit code where a file is to be named. */
async function printSuggestions(words: readonly string[], output: Output): Promise<void> {
  const { complete } = await import('./complete.js');
  const suggestions = await complete(words);
  if (suggestions === 'files') process.exitCode = exitCodes.usage;
  else if (suggestions.length > 0) await output.print(suggestions.join('\n'));
}

function report(error: unknown, output: Output): number {
  if (!(error instanceof Failure)) {
    output.complain(`netctl failed for a reason of its own, which is a bug: ${messageOf(error)}`);
    // Most likely an answer of another shape than this client knows: Contiv's code for what is invalid.
    return exitCodes.server;
  }
  if (error.message !== '') output.complain(error.message);
  if (error.helpOf !== undefined) process.stderr.write(`See "${error.helpOf} --help".\n`);
  return error.exitCode;
}
