// connect.js ADDRESS PORT TIMES: TCP connections, one after another, each until the server's first octet. Prints Times as JSON.
import { close, connect, receive, resetOnClose, setPatience, socketAddress, tcpSocket } from './sockets.js';
import { timed } from './times.js';

const [address = '', port = '', times = ''] = process.argv.slice(2);
const server = socketAddress(address, Number(port));
const octet = Buffer.alloc(1);

function open(): void {
  const socket = tcpSocket();
  setPatience(socket, 5);
  resetOnClose(socket);
  connect(socket, server);
  if (receive(socket, octet) !== 1) throw new Error('the server said nothing');
  close(socket);
}

console.log(JSON.stringify(timed(Number(times), open)));
