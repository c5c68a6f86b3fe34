import { setTimeout as sleep } from 'node:timers/promises';
import { BanyanError } from '../../src/kernel/errors.ts';

const STEP_MS = 500;

/** Asks every half second until there is an answer. @throws BanyanError `limit_reached` naming what was waited for. */
export async function waitUntil<T>(what: string, probe: () => Promise<T | undefined>, minutes = 10): Promise<T> {
  const until = Date.now() + minutes * 60_000;
  for (;;) {
    const got = await probe();
    if (got !== undefined) return got;
    if (Date.now() > until) {
      throw new BanyanError('limit_reached', `Waited ${minutes} minutes for ${what}, and it did not come.`, {
        fix: 'See what the status comment of the issue says, and the logs in the data folder.',
      });
    }
    await sleep(STEP_MS);
  }
}
