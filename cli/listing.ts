import { defaultTenant } from '../src/model/names.js';
import type { Context, Values } from './command.js';
import type { formatFlags, listFlags } from './flags.js';
import { summarizeAll, type Collection } from './paths.js';
import { table } from './table.js';

/** How objects of one kind are listed. */
export interface Listing<T> {
  readonly titles: readonly string[];
  readonly row: (object: T) => readonly string[];
  /** What `-q` prints. */
  readonly name: (object: T) => string;
}

export async function printList<T>(
  objects: readonly T[],
  format: Values<typeof formatFlags>,
  { titles, row, name }: Listing<T>,
  { output }: Context,
): Promise<void> {
  if (format.json) return output.printJson(objects);
  if (!format.quiet) return output.print(table(titles, objects.map(row)));
  if (objects.length > 0) await output.print(objects.map(name).join('\n'));
}

/**
 * Those of one tenant, or of all, without what belongs to each.
 * @throws Failure `server` if there is no such tenant: an empty list would hide a mistyped name.
 */
export function summaries<T>(collection: Collection, { all, tenant }: Values<typeof listFlags>, { api }: Context): Promise<readonly T[]> {
  return api.get<readonly T[]>(summarizeAll(collection, all ? undefined : (tenant ?? defaultTenant)));
}
