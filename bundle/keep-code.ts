// Preloaded by bundle/main.ts into a run of netctl or netctld: what V8 compiled until the end of it is written where the launcher looks for it.
// A function compiled for an earlier run is in the code that this one was started with, and so in what it leaves.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import vm, { type ScriptOptions } from 'node:vm';

class KeptScript extends vm.Script {
  constructor(code: string, options: ScriptOptions & { readonly filename: string }) {
    super(code, options);
    const { filename } = options;
    process.on('exit', () => {
      const bundle = join(dirname(process.argv[1] ?? ''), filename);
      const hash = readFileSync(bundle).subarray(-16);
      writeFileSync(bundle.replace(/\.bundle\.cjs$/, '.code'), Buffer.concat([this.createCachedData(), hash]));
    });
  }
}
vm.Script = KeptScript;
