import { closeSync } from 'node:fs';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { unavailable } from '../src/model/errors.js';

// What sd_notify(3) does: systemd wants datagrams on a Unix socket, which Node.js has not.

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** The bytes that sockaddr_un has for a path (unix(7)). */
const pathBytes = 108;

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number;
const sendto = libc.func('intptr_t sendto(int fd, const void *text, size_t length, int flags, const void *address, uint32_t addressLength)') as (
  fd: number,
  text: Buffer,
  length: number,
  flags: number,
  address: Buffer,
  addressLength: number,
) => number;

type Environment = Record<string, string | undefined>;

/** What the service manager is told. Where there is none, every method does nothing. */
export interface Notifier {
  /** One line on what is being done, which `systemctl status` shows. */
  status(text: string): void;
  /** The plugin and the API listen; from now on the watchdog is fed, if the manager wants that. */
  ready(text: string): void;
  stopping(text: string): void;
  /** Feeds the watchdog no more. */
  close(): void;
}

/**
 * The service manager that the environment names, as sd_notify(3) and sd_watchdog_enabled(3) have it: NOTIFY_SOCKET,
 * WATCHDOG_USEC and WATCHDOG_PID. They are taken out of the environment, because they are not for the programs that
 * are started from here.
 *
 * @param failed is told once if the manager cannot be reached: the daemon works without it.
 * @throws NetctlError `unavailable` if NOTIFY_SOCKET names no socket.
 */
export function openNotifier(env: Environment, failed: (error: unknown) => void): Notifier {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (!path) return { status() {}, ready() {}, stopping() {}, close() {} };
  const watched = pid === undefined || Number(pid) === process.pid ? Number(microseconds ?? 0) : 0;
  return new SystemdNotifier(unixAddress(path), watched / 1000, failed);
}

class SystemdNotifier implements Notifier {
  #timer: NodeJS.Timeout | undefined;
  #failed = false;

  constructor(
    private readonly address: Buffer,
    /** After how much silence the manager restarts the daemon, in milliseconds; 0: never. */
    private readonly watchdogMs: number,
    private readonly failed: (error: unknown) => void,
  ) {}

  status(text: string): void {
    this.#send(`STATUS=${text}`);
  }

  ready(text: string): void {
    this.#send(`READY=1\nSTATUS=${text}`);
    // A timer runs only while the event loop does, which is what the watchdog is to find out. Thrice: one may be late.
    if (this.watchdogMs > 0) this.#timer = setInterval(() => this.#send('WATCHDOG=1'), this.watchdogMs / 3).unref();
  }

  stopping(text: string): void {
    this.#send(`STOPPING=1\nSTATUS=${text}`);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #send(text: string): void {
    try {
      sendDatagram(this.address, Buffer.from(text));
    } catch (error) {
      if (!this.#failed) this.failed(error);
      this.#failed = true;
    }
  }
}

/** The bytes of sockaddr_un. A name that begins with `@` is abstract: it begins with a zero, and no file has it. */
function unixAddress(path: string): Buffer {
  const name = Buffer.from(path);
  if (!/^[/@]./.test(path) || name.length >= pathBytes) {
    throw unavailable(`NOTIFY_SOCKET is "${path}", which is neither an absolute path nor an abstract socket "@NAME" of at most ${pathBytes - 1} bytes: unset it`);
  }
  if (path.startsWith('@')) name[0] = 0;
  const family = Buffer.alloc(2);
  if (endianness() === 'LE') family.writeUInt16LE(AF_UNIX);
  else family.writeUInt16BE(AF_UNIX);
  return Buffer.concat([family, name]);
}

/** Never waits: a manager whose queue is full has other troubles than our status. */
function sendDatagram(address: Buffer, text: Buffer): void {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw unavailable(`cannot make a socket for the service manager: ${lastError()}`);
  try {
    const sent = sendto(fd, text, text.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length);
    if (sent < 0) throw unavailable(`cannot notify the service manager: ${lastError()}`);
  } finally {
    closeSync(fd);
  }
}

function lastError(): string {
  return getSystemErrorName(-koffi.errno());
}
