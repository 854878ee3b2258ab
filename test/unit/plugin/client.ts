import { mkdtemp, rm } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPluginServer, type PluginServer } from '../../../plugin/server.js';
import { Recorder } from './recorder.js';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

export interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A plugin server on a socket of its own, over recording ports. */
export interface Rig {
  readonly directory: string;
  readonly socketPath: string;
  readonly ports: Recorder;
  readonly server: PluginServer;
  readonly logs: LogLine[];
  /** What is in the way of all calls. */
  obstacle?: string;
  /** Calls a method with this JSON. */
  call(method: string, body?: unknown): Promise<Reply>;
}

export async function startRig(t: { teardown(fn: () => Promise<unknown>): unknown }, deadlineMs = 8000): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'netctl-plugin-'));
  const socketPath = join(directory, 'plugins', 'netctl.sock');
  const ports = new Recorder();
  const logs: LogLine[] = [];
  const server = createPluginServer({ addresses: ports, endpoints: ports, publications: ports, logger: recordingLogger(logs), deadlineMs, obstacle: () => rig.obstacle });
  await server.listen(socketPath);
  t.teardown(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const call: Rig['call'] = (method, body) => send(socketPath, method, body === undefined ? '' : JSON.stringify(body));
  const rig: Rig = { directory, socketPath, ports, server, logs, call };
  return rig;
}

export function recordingLogger(logs: LogLine[]): Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void> {
  const at = (level: string) => (fields: object, message: string) => void logs.push({ level, fields: { ...fields }, message });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** As Docker sends it: POST, no Content-Type. */
export function send(socketPath: string, method: string, body: string | Buffer, verb = 'POST'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: `/${method}`, method: verb, headers: { Accept: 'application/vnd.docker.plugins.v1.2+json' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(Buffer.concat(chunks).toString()) as Reply['body'] });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
