// echo.js ADDRESS TIMES: echo requests, each sent when the one before it was answered. Prints Times as JSON.
import { decodeAnswer, encodeEcho } from '../../src/probe/echo-message.js';
import { connect, icmpSocket, receive, send, setPatience, socketAddress } from './sockets.js';
import { timed } from './times.js';

const [address = '', times = ''] = process.argv.slice(2);
const identifier = process.pid & 0xffff;
const socket = icmpSocket();
setPatience(socket, 5);
connect(socket, socketAddress(address, 0));

let sequence = 0;
const answer = Buffer.alloc(2048);

/** The usual length of a ping. The socket hears all ICMP of that address, so it is looked whether it is the answer. */
function echo(): void {
  sequence = (sequence + 1) & 0xffff;
  send(socket, Buffer.from(encodeEcho(4, { identifier, sequence }, 84)));
  for (;;) {
    const heard = decodeAnswer(4, answer.subarray(0, receive(socket, answer)));
    if (heard?.kind === 'reply' && heard.identifier === identifier && heard.sequence === sequence) return;
  }
}

console.log(JSON.stringify(timed(Number(times), echo)));
