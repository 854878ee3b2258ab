import type { Context } from './command.js';
import { Failure } from './failure.js';
import type { Output } from './output.js';

/**
 * Deletes each of the names, and says so when it is done. One that netctld refuses does not keep the others; an API
 * that cannot be reached does.
 * @throws Failure `server` at the end if any was refused; each refusal has been told by then.
 */
export async function removeEach(
  names: readonly string[],
  { api, output }: Context,
  target: (name: string) => { readonly path: string; readonly done: string },
): Promise<void> {
  await forEachName(names, output, async (name) => {
    const { path, done } = target(name);
    await api.delete(path);
    return done;
  });
}

/**
 * Does the work for each of the names, and prints what it answers.
 * @throws Failure as {@link removeEach} does.
 */
export async function forEachName(names: readonly string[], output: Output, work: (name: string) => Promise<string>): Promise<void> {
  let refused = false;
  for (const name of names) {
    let done: string;
    try {
      done = await work(name);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'server') throw error;
      output.complain(error.message);
      refused = true;
      continue;
    }
    await output.print(done);
  }
  if (refused) throw new Failure('server', '');
}
