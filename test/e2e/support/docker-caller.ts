import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from './lab.js';
import { ask, type Answer } from './unix-http.js';

/** Between the tries of one call, in milliseconds. */
const restsMs = [1000, 2000, 4000, 8000] as const;

/** The plugin said no: nothing was done. */
export class Refused extends Error {}

/** Nobody knows whether it was done. */
export class Broken extends Error {}

/**
 * Calls the plugin of a host as Docker does (pkg/plugins/client.go): what broke is tried again, after growing pauses. The body is read from a buffer that the
 * first try has emptied, unless it found nobody to send it to.
 */
export class DockerCaller {
  constructor(private readonly host: Host) {}

  /** @throws Refused, Broken */
  async call(method: string, body: object): Promise<Record<string, unknown>> {
    let left: object | undefined = body;
    for (const restMs of [...restsMs, undefined]) {
      try {
        const answer = await ask(`${this.host.root}/run/docker/plugins/netctl.sock`, 'POST', `/${method}`, left);
        return understood(method, answer, left !== undefined);
      } catch (error) {
        if (error instanceof Refused || error instanceof Broken) throw error;
        if (!foundNobody(error)) left = undefined;
        if (restMs === undefined) throw new Broken(`${method}: ${String(error)}`);
        await pause(restMs);
      }
    }
    throw new Broken(method);
  }
}

/** @param isWhole what it answers is about the call itself, and not about one without a body. */
function understood(method: string, { status, text }: Answer, isWhole: boolean): Record<string, unknown> {
  const answer = JSON.parse(text) as Record<string, unknown>;
  const refusal = answer['Err'] || answer['Error'];
  if (status === 200 && !refusal) return answer;
  const message = `${method}: ${status} ${String(refusal)}`;
  throw isWhole ? new Refused(message) : new Broken(message);
}

function foundNobody(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');
}
