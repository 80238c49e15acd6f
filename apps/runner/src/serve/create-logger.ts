import { destination, type Logger, pino } from 'pino';
import type { LogLevel } from './log-level.ts';

/** Lines of JSON on standard error, written at once: what the last moment said is there. */
export function createLogger(level: LogLevel): Logger {
  const stderr = destination({ dest: 2, sync: true });
  // Whoever read the log has gone, or its disk is full: that must not end the server.
  stderr.on('error', () => {});
  return pino({ level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }, stderr);
}
