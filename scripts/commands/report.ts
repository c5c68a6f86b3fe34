import { BanyanError, toBanyanError } from '../../src/kernel/errors.ts';

/** The end of a command that failed: one message a person can act on; the stack only of what nobody foresaw. */
export function reportAndFail(error: unknown): void {
  if (error instanceof BanyanError) console.error([error.message, error.fix].filter((part) => part !== undefined).join('\n'));
  else console.error(error);
  process.exit(1);
}

/** The same for who asked for JSON: the error is on stdout, too, as `{ error: { code, message, fix } }`. */
export function reportAsJson(error: unknown): void {
  const { code, message, fix } = toBanyanError(error);
  console.log(JSON.stringify({ error: { code, message, fix } }, null, 2));
  reportAndFail(error);
}
