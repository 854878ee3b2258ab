// `make lint`: types, and the rules of eslint.config.js. To be run in the project's directory.
// One program of the compiler serves both: by themselves each would read all sources and find all types again.
import { ESLint } from 'eslint';
import ts from 'typescript';

const host: ts.FormatDiagnosticsHost = { getCanonicalFileName: (file) => file, getCurrentDirectory: () => process.cwd(), getNewLine: () => '\n' };

function readSources(): ts.Program {
  const config = ts.getParsedCommandLineOfConfigFile('tsconfig.json', { noEmit: true, incremental: false }, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail });
  if (!config) throw new Error('there is no tsconfig.json here');
  return ts.createProgram({ rootNames: config.fileNames, options: config.options, configFileParsingDiagnostics: config.errors });
}

function fail(...faults: readonly ts.Diagnostic[]): void {
  process.exitCode = 1;
  console.log(ts.formatDiagnostics(faults, host));
}

async function applyRules(program: ts.Program): Promise<void> {
  const parserOptions = { projectService: false, programs: [program] };
  const eslint = new ESLint({ overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions } } });
  const results = await eslint.lintFiles(['.']);
  // A warning counts, as with --max-warnings=0.
  if (results.every(({ messages }) => messages.length === 0)) return;
  process.exitCode = 1;
  console.log(await (await eslint.loadFormatter()).format(results));
}

const program = readSources();
const faults = ts.getPreEmitDiagnostics(program);
if (faults.length > 0) fail(...faults);
await applyRules(program);
