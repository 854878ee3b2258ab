import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { LogLevel } from './config/options.js';

export type { Logger } from 'pino';

/**
 * The daemon's log: JSON lines to standard output, one event each, with the time as RFC 3339 has it.
 * An error given as `error` or `err` is written with its stack and its causes.
 *
 * @param destination where the lines go instead; tests read them.
 */
export function createLogger(level: LogLevel, destination: DestinationStream = pino.destination({ dest: 1, sync: true })): Logger {
  const { err } = pino.stdSerializers;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: err, err },
    },
    destination,
  );
}
