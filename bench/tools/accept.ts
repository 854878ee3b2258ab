// accept.js PORT: takes connections, says one octet on each and closes it, until it is ended. Prints `listening` when it does.
import { writeSync } from 'node:fs';
import { accept, close, listen, send, tcpSocket } from './sockets.js';

const [port = ''] = process.argv.slice(2);
const socket = tcpSocket();
listen(socket, Number(port));
// Not by console.log: the loop below leaves no time for what is not written at once.
writeSync(1, 'listening\n');

const octet = Buffer.from('!');
for (;;) {
  const connection = accept(socket);
  send(connection, octet);
  close(connection);
}
