import type { Test } from 'tap';
import { createApi } from '../../../daemon/api/server.js';
import type { Api } from '../../../daemon/api/server.js';
import { createLogger } from '../../../daemon/log.js';
import { Metrics } from '../../../daemon/metrics.js';
import { IpAddress, Mac } from '../../../src/model/address.js';
import type { EndpointView } from '../../../daemon/control/operations.js';
import { checkAnswer } from './answer-schemas.js';
import { MemoryOperations } from './memory-operations.js';

export interface Fixture {
  readonly api: Api;
  readonly operations: MemoryOperations;
  readonly metrics: Metrics;
  /** The lines of the daemon's log. */
  readonly log: string[];
  /** One request without a socket; a body that is not a text is sent as JSON. */
  readonly request: (method: Method, url: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** The body as JSON, or undefined where it is none. */
  readonly json: unknown;
}

export const version = { version: '1.2.3', gitCommit: 'abc', buildTime: 'now' };

export async function fixture(t: Test): Promise<Fixture> {
  const operations = new MemoryOperations();
  const metrics = new Metrics(version);
  const log: string[] = [];
  const logger = createLogger('debug', { write: (line: string) => void log.push(line) });
  const api = await createApi({ operations, metrics, logger, version });
  t.teardown(() => api.close());
  const request: Fixture['request'] = async (method, url, body, headers = {}) => {
    const payload = body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) };
    const response = await api.inject({ method, url, headers, ...payload });
    const answer = { status: response.statusCode, type: String(response.headers['content-type']), text: response.body, json: parse(response.body) };
    if (answer.status === 200 && answer.type.startsWith('application/json') && url !== '/openapi.json') checkAnswer(url, answer.json);
    return answer;
  };
  return { api, operations, metrics, log, request };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const network = { tenantName: 'default', networkName: 'net', subnet: '10.1.1.0/24', gateway: '10.1.1.254' };
export const service = {
  tenantName: 'default',
  serviceName: 'web',
  networkName: 'net',
  ports: ['80:8080:TCP'],
  selectors: ['tier=web', 'release in (stable,canary)'],
};

export const endpoint: EndpointView = {
  endpoint: {
    id: 'e1'.padEnd(64, '0'),
    tenant: 'default',
    network: 'net',
    addresses: [IpAddress.parse('10.1.1.2')],
    mac: Mac.parse('02:02:0a:01:01:02'),
    host: 'h1',
    sandboxKey: '/var/run/docker/netns/x',
  },
  ports: [],
  container: {
    id: 'c1'.padEnd(64, '0'),
    name: 'web-1',
    labels: { tier: 'web', release: 'stable' },
    state: 'running',
    health: 'healthy',
    stopping: false,
    attachments: [],
  },
};
