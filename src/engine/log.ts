import pino from 'pino';
import { redactSecrets, redactValues } from '../kernel/redact.ts';

/** Structured log lines to stdout; every line is redacted as a whole, whatever field a secret hides in. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
  debug(fields: Record<string, unknown>, message: string): void;
}

export interface LogOptions {
  redact?: (text: string) => string;
  /** What every line says of whose work is being done. */
  fields?: () => object;
}

export function createLog(level: string, write: (line: string) => void, { redact = redactSecrets, fields = () => ({}) }: LogOptions = {}): Log {
  // Each text as it was before it was escaped, and then the line: a name and its value are two texts.
  const clean = (line: string) => `${redact(JSON.stringify(redactValues(JSON.parse(line), redact)))}\n`;
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, mixin: fields }, { write: (line: string) => write(clean(line)) });
}
