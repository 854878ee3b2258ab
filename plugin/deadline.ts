/** The time was over before the work was done. The work goes on. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * What the work comes to, if it does within `ms` milliseconds.
 * @throws DeadlineError afterwards, and whatever the work rejects with before.
 */
export async function withinDeadline<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`no answer within ${Math.round(ms)} ms`)), Math.max(ms, 0));
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
