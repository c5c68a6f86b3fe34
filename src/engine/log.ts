import pino from 'pino';
import { redactSecrets } from '../kernel/redact.ts';

/** Structured log lines to stdout; every line is redacted as a whole, whatever field a secret hides in. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
  debug(fields: Record<string, unknown>, message: string): void;
}

export function createLog(level: string, write: (line: string) => void): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write: (line: string) => write(redactSecrets(line)) });
}
