/** Waits until the condition holds, turn by turn of the event loop; the test's own time-out is the deadline. */
export async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
