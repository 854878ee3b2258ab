import type { z } from 'zod';
import { invalid } from '../src/model/errors.js';

/** One method of the protocol, for example `NetworkDriver.Join`. */
export interface Method {
  /** Where a refusal stands in the answer: the network driver's client reads `Err`, the IPAM driver's reads `Error`. */
  readonly refusalField: 'Err' | 'Error';
  /** False: Docker sends no body, or nothing in it matters; whatever came is not looked at. */
  readonly needsBody: boolean;
  /** @throws NetctlError `invalid` if the body is not what the method takes. */
  decode(body: unknown): Call;
}

/** A decoded call. */
export interface Call {
  /** What it is about, for the log. */
  readonly ids: Readonly<Record<string, string>>;
  /** Carries it out; returns the answer as it goes over the wire. */
  run(): Promise<object>;
}

const idFields = ['NetworkID', 'EndpointID', 'PoolID', 'Address'] as const;

/** A method whose body has this shape. Fields that the shape does not name are ignored: newer Dockers send more of them. */
export function method<S extends z.ZodObject>(
  refusalField: Method['refusalField'],
  shape: S,
  handle: (request: z.output<S>) => Promise<object>,
): Method {
  return {
    refusalField,
    needsBody: true,
    decode(body) {
      const parsed = shape.safeParse(body);
      if (!parsed.success) throw invalid(`the request is not what Docker sends: ${problems(parsed.error)}`);
      return { ids: idsOf(parsed.data), run: () => handle(parsed.data) };
    },
  };
}

/** A method that answers the same whatever it is asked. */
export function constant(refusalField: Method['refusalField'], answer: object): Method {
  return { refusalField, needsBody: false, decode: () => ({ ids: {}, run: () => Promise.resolve(answer) }) };
}

function problems(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'the body'}: ${issue.message}`).join('; ');
}

function idsOf(request: Record<string, unknown>): Record<string, string> {
  const known = idFields.map((field) => [field, request[field]] as const);
  return Object.fromEntries(known.filter((entry): entry is [(typeof idFields)[number], string] => typeof entry[1] === 'string' && entry[1] !== ''));
}
