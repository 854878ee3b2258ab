// young-heap-process.js kept|grown: prints the bytes of V8's space for what is new after much work, and then, once a second, while there is none.
import { growYoungHeap, keepYoungHeap, youngBytes } from '../../daemon/young-heap.js';

const kept: object[] = [];

/** Most of it stays in use, as at a start with many services. */
function work(): void {
  for (let index = 0; index < 1_000_000; index += 1) kept.push({ index, list: [index] });
}

keepYoungHeap();
if (process.argv[2] === 'grown') for (const _ of [1, 2]) growYoungHeap();
work();
process.stdout.write(`worked ${youngBytes()} with ${kept.length}\n`);
setInterval(() => process.stdout.write(`rests ${youngBytes()}\n`), 1000);
