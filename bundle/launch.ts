// What dist/bin/netctl.cjs and dist/bin/netctld.cjs are: each starts the bundle beside it. CommonJS, since the loader of modules alone takes
// Node.js 20 ten milliseconds.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

/** `netctl` or `netctld`, put in by bundle/main.ts. */
declare const PROGRAM: string;

// As daemon/young-heap.ts has it, and before its code makes anything: what the space for it once was it would keep. V8 takes kept code for the same flags only.
if (PROGRAM === 'netctld') setFlagsFromString('--semi-space-growth-factor=1');

/** What stacks call it. Without its directory: that of the build would be in the code that is kept. */
const filename = `${PROGRAM}.bundle.cjs`;
const code = readFileSync(`${__dirname}/${filename}`, 'latin1');

/** Of hexadecimal digits, at the end of a file. */
const HASH = 16;

/**
 * The code of V8's interpreter for what an earlier run needed, made by the build. V8 itself looks whether it is for this version and these flags
 * of it, and compiles if not, but tells texts apart by their length only; so both files end with the hash of the text.
 */
function kept(): Buffer | undefined {
  try {
    const file = readFileSync(`${__dirname}/${PROGRAM}.code`);
    const hash = code.slice(-HASH);
    return file.toString('latin1', file.length - HASH) === hash ? file.subarray(0, -HASH) : undefined;
  } catch {
    return undefined;
  }
}

type Bundle = (exports: object, require: NodeJS.Require, module: object, __filename: string, __dirname: string) => void;
const cachedData = kept();
const bundle = new Script(code, cachedData === undefined ? { filename } : { filename, cachedData }).runInThisContext() as Bundle;
const module_ = { exports: {} };
bundle(module_.exports, require, module_, __filename, __dirname);
