import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';

/** In characters: more is not made into text at once. As much again is held for a client that does not read. */
const longestPiece = 64 * 1024;
/** In milliseconds. Meanwhile nothing else is done: containers start, and rules have to be written. */
const longestTurn = 4;

/**
 * Answers with a list, as a JSON array. A long one is made and sent in pieces, as fast as the client reads them, and everybody
 * else has his turn between them. A client that goes away ends it.
 * @param items taken when it is their turn. What goes wrong with the first ones is the answer; later it ends the connection.
 */
export function sendList(reply: FastifyReply, items: Iterable<unknown>): FastifyReply {
  const pieces = piecesOf(items);
  const first = pieces.next();
  void reply.type('application/json; charset=utf-8');
  return reply.send(first.done ? first.value : Readable.from(inTurns(first.value, pieces), { objectMode: false, highWaterMark: longestPiece }));
}

/** As each is asked for: a list of lists would be there twice. */
export function* each<T, U>(items: Iterable<T>, change: (item: T) => U): Generator<U> {
  for (const item of items) yield change(item);
}

/** The array's text, of which it yields each piece but the last, and returns that. */
function* piecesOf(items: Iterable<unknown>): Generator<string, string> {
  let [text, separator, began] = ['[', '', performance.now()];
  for (const item of items) {
    text += separator + JSON.stringify(item);
    separator = ',';
    if (text.length < longestPiece && performance.now() - began < longestTurn) continue;
    yield text;
    [text, began] = ['', performance.now()];
  }
  return `${text}]`;
}

async function* inTurns(first: string, pieces: Generator<string, string>): AsyncGenerator<string> {
  try {
    yield first;
    for (;;) {
      // A stream that is read as fast as it is written would go on without ever looking for other events.
      await setImmediate();
      const { value, done } = pieces.next();
      yield value;
      if (done) return;
    }
  } finally {
    pieces.return('');
  }
}
