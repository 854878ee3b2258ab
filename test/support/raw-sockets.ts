import { loadRawSockets } from '../../daemon/kernel/raw-socket.js';

/** Why the ways to other hosts are not measured here: where no compiler is, there is no raw-socket. In CI there is one. */
export function whyNoRawSockets(): string | false {
  try {
    loadRawSockets();
    return false;
  } catch (error) {
    return process.env['CI'] === undefined ? String(error) : false;
  }
}
