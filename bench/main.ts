// Runs a benchmark and writes its results: see `make help`. Selected by the environment: SUITE is one of those in bench/suites, or empty for
// all on one host; ROUNDS how many rounds there are; BENCH_SECONDS how long providers come and go in all rounds of the suite churn.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../src/model/errors.js';
import { describeMachine } from './machine.js';
import { experimentOutcome, suiteOutcome, type ExperimentOutcome, type Outcome } from './outcome.js';
import { brief, plots, report } from './report.js';
import { runRounds } from './rounds.js';
import type { Suite } from './suite.js';
import { Cleanup } from './support/cleanup.js';
import { churn } from './suites/churn.js';
import { cli } from './suites/cli.js';
import { connect } from './suites/connect.js';
import { docker } from './suites/docker.js';
import { encrypted } from './suites/encrypted.js';
import { failover } from './suites/failover.js';
import { memory } from './suites/memory.js';
import { overlay } from './suites/overlay.js';
import { program } from './suites/program.js';
import { providers } from './suites/providers.js';
import { services } from './suites/services.js';
import { throughput } from './suites/throughput.js';

/** Those that are measured if none is named: within 20 minutes. */
const onOneHost: readonly Suite[] = [connect, throughput, services, providers, program, churn, failover, docker, cli, memory];
/** What is between hosts is another matter, and takes 7 minutes more. */
const betweenHosts: readonly Suite[] = [overlay, encrypted];
const suites = [...onOneHost, ...betweenHosts];
const results = resolve('bench', 'results');

function chosen(): readonly Suite[] {
  const name = process.env['SUITE'] ?? '';
  const found = name === '' ? onOneHost : suites.filter((suite) => suite.name === name);
  if (found.length > 0) return found;
  return refuse(`SUITE is one of ${suites.map((suite) => suite.name).join(', ')}, not ${name}`);
}

function rounds(): number {
  const number = Number(process.env['ROUNDS'] || 10);
  return Number.isInteger(number) && number >= 1 ? number : refuse(`ROUNDS is a number of 1 or more, not ${process.env['ROUNDS'] ?? ''}`);
}

function refuse(sentence: string): never {
  console.error(`bench: ${sentence}`);
  process.exit(2);
}

async function runSuite(suite: Suite, rounds: number): Promise<Outcome> {
  const began = new Date();
  const cleanup = new Cleanup();
  try {
    console.log(`\n${suite.title}: preparing`);
    const prepared = await suite.prepare((work) => cleanup.add(work));
    const experiments: ExperimentOutcome[] = [];
    for (const experiment of prepared.experiments) {
      const most = Math.min(rounds, experiment.mostRounds ?? rounds);
      const samples = await runRounds(experiment, most, (done) => process.stderr.write(`\r${experiment.title}: round ${done} of ${most} `));
      process.stderr.write('\r\u001b[K');
      const outcome = experimentOutcome(experiment, samples);
      console.log(brief(outcome));
      experiments.push(outcome);
    }
    const machine = await describeMachine(suite.programs);
    return suiteOutcome(suite, prepared, experiments, { began: began.toISOString(), seconds: (Date.now() - began.getTime()) / 1000, rounds, machine });
  } finally {
    await cleanup.run();
  }
}

function write(outcome: Outcome): void {
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, `${outcome.suite}.json`), `${JSON.stringify(outcome, null, 2)}\n`);
  writeFileSync(join(results, `${outcome.suite}.md`), report(outcome));
  for (const [name, drawing] of plots(outcome)) writeFileSync(join(results, name), drawing);
  console.log(`written: bench/results/${outcome.suite}.json and .md`);
}

if (process.getuid?.() !== 0) refuse('needs root to make network namespaces');
const began = Date.now();
for (const suite of chosen()) {
  try {
    const outcome = await runSuite(suite, rounds());
    write(outcome);
    if (!outcome.reached) process.exitCode = 1;
  } catch (error) {
    // On a busy machine a turn may measure nothing. The other suites are still worth their time.
    console.error(`bench: ${suite.name} could not be measured: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
console.log(`all of it took ${((Date.now() - began) / 60_000).toFixed(1)} minutes`);
