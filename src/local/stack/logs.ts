import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** Pino's level of a warning. */
const WARN = 40;

/** A log file that is appended to; what is large at the start of the stack is put aside once. */
export function openLog(file: string): WriteStream {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
  return createWriteStream(file, { flags: 'a', mode: 0o600 });
}

export function onLines(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', take);
}

/** What of a service's output a person at the terminal should see: warnings and errors in one line. */
export function noteworthy(line: string, stream: 'stdout' | 'stderr'): string | undefined {
  const record = parseRecord(line);
  if (record === undefined) return stream === 'stderr' && line.trim() !== '' ? line : undefined;
  if (typeof record['level'] !== 'number' || record['level'] < WARN) return undefined;
  const error = record['err'];
  const detail = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
  return [record['msg'], detail].filter((part) => typeof part === 'string' && part !== '').join(': ') || line;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
