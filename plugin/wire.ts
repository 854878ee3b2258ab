import { z } from 'zod';
import { IpAddress, Mac, Prefix } from '../src/model/address.js';
import { NetctlError } from '../src/model/errors.js';

/**
 * The shapes that both drivers of the protocol share. Docker is written in Go: an empty map arrives
 * as null, an absent text as "".
 */

/** Ids become parts of store keys, so that a slash is refused here, once. Docker's are 64 hexadecimal digits. */
export const id = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'is not an id');

export const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

export const textMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});

/** An address, with or without a prefix length behind it, or nothing. */
export const optionalAddress = text.transform((value, context) => (value === '' ? undefined : parsed(context, () => addressIn(value))));

/** The address in a text that may have a prefix length behind it. @throws NetctlError `invalid`. */
export function addressIn(text: string): IpAddress {
  return IpAddress.parse(text.replace(/\/\d{1,3}$/, ''));
}

export const address = z.string().transform((value, context) => parsed(context, () => IpAddress.parse(value)));

export const optionalPrefix = text.transform((value, context) => (value === '' ? undefined : parsed(context, () => Prefix.parse(value))));

export const optionalMac = text.transform((value, context) => (value === '' ? undefined : parsed(context, () => Mac.parse(value))));

/** Turns the model's refusal into zod's, which adds the name of the field. */
function parsed<T>(context: z.RefinementCtx, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof NetctlError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
}
