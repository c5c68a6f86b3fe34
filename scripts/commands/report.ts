import { BanyanError } from '../../src/kernel/errors.ts';

/** The end of a command that failed: one message a person can act on; the stack only of what nobody foresaw. */
export function reportAndFail(error: unknown): void {
  if (error instanceof BanyanError) console.error([error.message, error.fix].filter((part) => part !== undefined).join('\n'));
  else console.error(error);
  process.exit(1);
}
