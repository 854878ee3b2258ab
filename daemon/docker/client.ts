import { Agent } from 'node:http';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { messageOf, NetctlError, unavailable } from '../../src/model/errors.js';

/** Docker's own default. */
export const defaultSocketPath = '/var/run/docker.sock';

/** The Docker engine behind one Unix socket. */
export interface DockerClient {
  readonly socketPath: string;
  readonly api: Docker;
  /** When it is aborted, every question under way is given up. */
  readonly cancel?: AbortSignal;
}

/**
 * docker-modem prints the options of each request, whole, with the agent and all that hangs on its connections, for a debug log that nobody
 * reads. A quarter of the processor time that a start of a container cost netctld went into that.
 */
class TersePrintedAgent extends Agent {
  [inspect.custom](): string {
    return 'Agent';
  }
}

/** Connects to nothing yet. `DOCKER_HOST` and its like are not looked at: netctld works for the host it runs on. */
export function openDocker(socketPath: string = defaultSocketPath): DockerClient {
  // No connection is kept: one from before a restart of Docker would fail the first request after it.
  const agent = new TersePrintedAgent({ keepAlive: false });
  // The types leave out `agent`, which docker-modem has.
  const options: Docker.DockerOptions & { agent: Agent } = { socketPath, agent, protocol: 'http', host: undefined };
  return { socketPath, api: new Docker(options) };
}

/** Why Docker did not do it, with the HTTP status, where Docker answered. */
export class DockerRefusal extends Error {
  override readonly name = 'DockerRefusal';
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Asks Docker, for at most `timeoutMs`.
 * @param what for the error's sentence, for example "list the containers"
 * @throws DockerRefusal if Docker answered with an error, NetctlError `unavailable` if it did not answer
 */
export async function ask<T>(client: DockerClient, what: string, timeoutMs: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  let giveUp: (reason: string) => void = () => undefined;
  // Raced, not only aborted: dockerode never settles for an answer whose connection breaks in the middle.
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = (reason) => {
      reject(unavailable(`Docker at ${client.socketPath} did not ${what}${reason}`));
      abort.abort();
    };
  });
  const timer = setTimeout(() => giveUp(` within ${timeoutMs / 1000} s: see whether it hangs`), timeoutMs);
  const cancelled = (): void => giveUp(' before it was told not to');
  client.cancel?.addEventListener('abort', cancelled);
  try {
    return await Promise.race([call(abort.signal), givenUp]);
  } catch (error) {
    throw explain(client, error);
  } finally {
    clearTimeout(timer);
    client.cancel?.removeEventListener('abort', cancelled);
  }
}

/** The one place where the errors of dockerode are told apart; what is none of them is returned as it is. */
function explain(client: DockerClient, error: unknown): Error {
  if (error instanceof NetctlError) return error;
  if (!(error instanceof Error)) return new Error(String(error));
  const { statusCode, json, code } = error as Error & { statusCode?: unknown; json?: { message?: unknown } | null; code?: unknown };
  if (typeof statusCode === 'number') return new DockerRefusal(statusCode, typeof json?.message === 'string' ? json.message : messageOf(error).trim());
  if (code === 'EACCES') return unavailable(`may not speak with Docker at ${client.socketPath}: run netctld as root`, error);
  if (typeof code !== 'string') return error;
  return unavailable(`Docker does not answer at ${client.socketPath}: start it, or give netctld its socket with --docker-socket (${messageOf(error)})`, error);
}
