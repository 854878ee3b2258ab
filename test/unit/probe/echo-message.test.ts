import fc from 'fast-check';
import t from 'tap';
import type { Family } from '../../../src/model/address.js';
import { decodeAnswer, encodeEcho, shortestEcho } from '../../../src/probe/echo-message.js';

const families: readonly Family[] = [4, 6];
const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
/** An IPv4 header without options, and an IPv6 one: nothing of them but their lengths counts. */
const header = { 4: octets('45000000 00000000 40010000 0a000001 0a000002'), 6: new Uint8Array(40).fill(0x60) };
const optionsHeader = octets('46000000 00000000 40010000 0a000001 0a000002 94040000');

const request = { identifier: 0x1234, sequence: 0xfffe };

/** A message with another type, as a host answers it. */
const retyped = (message: Uint8Array, type: number): Uint8Array => concat(Uint8Array.of(type), message.subarray(1));
/** What a raw socket receives that has this message. */
const received = (family: Family, message: Uint8Array): Uint8Array => (family === 4 ? concat(header[4], message) : message);

t.test('requests as RFC 792 and RFC 4443 have them', async (t) => {
  t.strictSame(encodeEcho(4, { identifier: 0x0102, sequence: 0x0304 }, 30), octets('08 00 f3f9 0102 0304 0000'));
  t.strictSame(encodeEcho(6, { identifier: 0x0102, sequence: 0x0304 }, 49), octets('80 00 0000 0102 0304 00'));
  for (const family of families) t.throws(() => encodeEcho(family, request, shortestEcho(family) - 1), RangeError);
});

t.test('the checksum makes the sum of all words ones', async () => {
  const number = fc.integer({ min: 0, max: 0xffff });
  fc.assert(
    fc.property(number, number, fc.integer({ min: 28, max: 200 }), (identifier, sequence, length) => {
      const message = Buffer.concat([encodeEcho(4, { identifier, sequence }, length), Buffer.alloc(length % 2)]);
      let sum = 0;
      for (let offset = 0; offset < message.length; offset += 2) sum += message.readUInt16BE(offset);
      return (sum & 0xffff) + Math.floor(sum / 0x1_0000) === 0xffff;
    }),
  );
});

for (const family of families) {
  const sent = encodeEcho(family, request, 100);
  const [replyType, errorType, errorCode, unreachable] = family === 4 ? [0, 3, 4, 3] : [129, 2, 0, 1];
  const error = (type: number, code: number, quoted: Uint8Array): Uint8Array => received(family, concat(Uint8Array.of(type, code, 0, 0, 0, 0, 0x05, 0x78), header[family], quoted));

  t.test(`IPv${family}: what is an answer`, async (t) => {
    t.strictSame(decodeAnswer(family, received(family, retyped(sent, replyType))), { kind: 'reply', ...request });
    t.strictSame(decodeAnswer(family, error(errorType, errorCode, sent.subarray(0, 8))), { kind: 'tooLong', ...request }, 'routers may quote no more than this');
  });

  t.test(`IPv${family}: what is none`, async (t) => {
    t.equal(decodeAnswer(family, received(family, sent)), undefined, 'a request');
    t.equal(decodeAnswer(family, error(unreachable, 1, sent)), undefined, 'an unreachable host');
    t.equal(decodeAnswer(family, error(errorType, errorCode, retyped(sent, 17))), undefined, 'an error about something else');
    t.equal(decodeAnswer(family, error(errorType, errorCode, sent.subarray(0, 7))), undefined, 'an error that quotes too little');
  });

  t.test(`IPv${family}: whatever comes is no exception`, async () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (packet) => {
      decodeAnswer(family, packet);
      return true;
    }), { numRuns: 2000 });
  });
}

t.test('options in the IPv4 header are skipped', async (t) => {
  const reply = retyped(encodeEcho(4, request, 28), 0);
  t.strictSame(decodeAnswer(4, concat(optionsHeader, reply)), { kind: 'reply', ...request });
});
