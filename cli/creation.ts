import { isDeepStrictEqual } from 'node:util';
import type { Context } from './command.js';

/** How a creation is told. */
export interface CreationWords {
  /** Contiv's line for a creation. */
  readonly created: string;
  /** The object in a sentence: `network default:contiv-net`. */
  readonly object: string;
}

/**
 * Creates an object, or updates the one of that name, and says which it was.
 *
 * The answer does not tell (Contiv's clients know no status but 200), so what was there before is looked at first. Should
 * another user create the same object in between, only the words are wrong.
 */
export async function createObject<T>(path: string, body: T, words: CreationWords, { api, output }: Context): Promise<void> {
  const before = await api.find<T>(path);
  const after = await api.post<T>(path, body);
  await output.print(told(before, after, words));
}

function told(before: unknown, after: unknown, { created, object }: CreationWords): string {
  if (before === undefined) return created;
  return isDeepStrictEqual(before, after) ? `Nothing to do: ${object} exists already and is the same` : `Updating ${object}`;
}
