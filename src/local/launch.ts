import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { BanyanError } from '../kernel/errors.ts';

/** A service's settings: one argument, JSON or the path of a file with JSON (a file keeps keys out of the list of processes). */
export function readSettings<Schema extends z.ZodType>(schema: Schema, argument: string | undefined): z.output<Schema> {
  if (argument === undefined) throw new BanyanError('config_invalid', 'One argument is needed: JSON, or the path of a file with JSON');
  const text = argument.trimStart().startsWith('{') ? argument : readFileSync(argument, 'utf8');
  return schema.parse(JSON.parse(text));
}

/** Calls `stop` once at SIGTERM or SIGINT, then ends the process. */
export function onStopSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    void stop()
      .catch((error: unknown) => console.error(error))
      .finally(() => process.exit());
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}
