import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { invalid } from '../../src/model/errors.js';
import type { NetctlError } from '../../src/model/errors.js';

type Issue = z.core.$ZodIssue;

/** Checks the parts of a request by their zod schemas; the first thing that is wrong is the answer. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data: unknown) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    return { error: wrongField(result.error.issues[0], data, httpPart ?? 'request') };
  };
};

/** JSON from a body of any content type: Contiv's own client names none. */
export function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`the request's body is not JSON: ${(error as SyntaxError).message}`);
  }
}

function wrongField(issue: Issue | undefined, data: unknown, part: string): NetctlError {
  if (!issue || issue.path.length === 0) {
    const empty = data === undefined || data === null;
    return invalid(`the request's ${part} must be a JSON object${empty ? ', and is empty' : ''}`);
  }
  const field = issue.path.map(String).join('.');
  const value = issue.path.reduce<unknown>((within, step) => (within as Record<PropertyKey, unknown> | undefined)?.[step], data);
  if (value === undefined) return invalid(`the field "${field}" is missing`);
  return invalid(`the field "${field}" must be ${expectedBy(issue)}, and is ${abbreviated(JSON.stringify(value))}`);
}

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return words[issue.expected] ?? issue.expected;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'too_small':
      return `at least ${issue.minimum}`;
    default:
      return `as the API has it (${issue.message})`;
  }
}

function abbreviated(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
}
