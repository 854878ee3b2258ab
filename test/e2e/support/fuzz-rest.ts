import type { Random } from '../../support/random.js';

/** What the OpenAPI document says, as far as requests are made of it. */
export interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components?: { readonly schemas?: Record<string, Schema> };
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
}
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

export interface RestCall {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** Values that mean something here, so that some requests get further than the first check. */
const words = ['default', 'fuzz', 'fuzz:net', 'default:fuzz1', 'default:web', 'default:other', '10.9.1.0/24', '10.9.1.0-10.9.1.9/24', '10.1.1.9', '10.9.1.254', '2001:db8:9::/64', 'tier=web', 'a in (b,c)', '!x', '80:80:TCP', '53:53:udp', 'roundrobin', 'source', 'version=2:10'];
const rubbish = ['', ' ', ':', 'a:b:c', '..', '../../etc/passwd', '%00', '%', '\u0000', 'ä', '💥', 'x'.repeat(5000), '-1', '1e999', '0/0', '256.1.1.1/24', '::/0', '10.0.0.0/33', '<script>', "'; --", '${x}', '{{}}'];

/** Makes requests of a document: every route, with values of the right type, of the wrong one, and with none. */
export class RestFuzz {
  private readonly operations: readonly { readonly path: string; readonly method: string; readonly operation: Operation }[];

  constructor(
    private readonly random: Random,
    private readonly document: OpenApi,
  ) {
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
  }

  call(): RestCall {
    const { path, method, operation } = this.pick(this.operations);
    const named = path.replace(/\{[^}]+\}/g, () => this.chance(0.8) ? encodeURIComponent(this.pick(words)) : encodeURIComponent(this.pick(rubbish)));
    const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query' && parameter.name !== 'follow' && this.chance(0.5)).map(({ name, schema }) => `${name}=${encodeURIComponent(asText(this.value(schema ?? {})))}`);
    const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
    const body = schema ? this.body(schema) : this.chance(0.1) ? '{"unasked":1}' : '';
    return { method: this.chance(0.97) ? method.toUpperCase() : this.pick(['PATCH', 'OPTIONS', 'TRACE', 'HEAD']), path: query.length > 0 ? `${named}?${query.join('&')}` : named, body };
  }

  private body(schema: Schema): string {
    if (this.chance(0.05)) return this.pick(['', 'null', '[]', '{', '"', '\u0000', '{"a":'.repeat(2000)]);
    return JSON.stringify(this.value(schema));
  }

  private value(schema: Schema): unknown {
    const { $ref, type, enum: choices, properties, required = [], items } = schema;
    if (this.chance(0.04)) return this.pick<unknown>([null, 7, -1, 1e308, true, [], {}, 'text', [[]], { toString: 1 }]);
    if ($ref !== undefined) return this.value(this.document.components?.schemas?.[$ref.split('/').at(-1) ?? ''] ?? {});
    if (choices) return this.pick(choices);
    if (type === 'object') return Object.fromEntries(Object.entries(properties ?? {}).filter(([key]) => (required.includes(key) ? this.chance(0.95) : this.chance(0.3))).map(([key, of]) => [key, this.property(key, of)]));
    if (type === 'array') return Array.from({ length: Math.floor(this.random.next() * 4) }, () => this.value(items ?? {}));
    if (type === 'integer' || type === 'number') return this.pick([0, 1, 7, -1, 80, 4711, 65_536, 2 ** 31, 2 ** 53, 1.5]);
    if (type === 'boolean') return this.chance(0.5);
    return this.chance(0.85) ? this.pick(words) : this.pick(rubbish);
  }

  /** Names that match make it possible to get as far as the store. */
  private property(key: string, schema: Schema): unknown {
    const fitting: Record<string, readonly unknown[]> = { tenantName: ['default', 'fuzz'], networkName: ['fuzz1', 'net'], serviceName: ['web', 'other'], subnet: ['10.9.1.0/24', '10.9.2.0/24'], selectors: [['tier=web'], ['a=b', 'c']], ports: [['80:80:TCP'], ['53:53:UDP', '80:8080:tcp']] };
    const values = fitting[key];
    return values && this.chance(0.8) ? this.pick(values) : this.value(schema);
  }

  private chance(share: number): boolean {
    return this.random.next() < share;
  }

  private pick<T>(items: readonly T[]): T {
    const item = this.random.pick(items);
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
