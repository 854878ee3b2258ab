import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the compiler put this. */
const build = dirname(dirname(import.meta.dirname));

/** netctl and netctld as users have them; where they were compiled after that, or only compiled, as they were compiled. Each is a file for node. */
export const netctlFile = programFile('bin/netctl.cjs', 'cli/main.js');
export const netctldFile = programFile('bin/netctld.cjs', 'daemon/main.js');

function programFile(bundled: string, compiled: string): string {
  const [bundle, compilation] = [join(build, bundled), join(build, 'tsconfig.tsbuildinfo')];
  const isStale = !existsSync(bundle) || (existsSync(compilation) && statSync(compilation).mtimeMs > statSync(bundle).mtimeMs);
  return isStale ? join(build, compiled) : bundle;
}
