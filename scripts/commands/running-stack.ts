import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { BanyanError } from '../../src/kernel/errors.ts';
import { secretsSchema } from '../../src/local/stack/secrets.ts';
import { readStackSettings } from '../../src/local/stack/settings.ts';

const stackSchema = secretsSchema.extend({
  urls: z.object({ app: z.url(), github: z.url(), supabase: z.url() }),
  pids: z.object({ app: z.number().int().positive() }),
});

export type RunningStack = z.output<typeof stackSchema>;

const FIX = 'Start it in another terminal with `npm start` and wait for "banyan ready" (BANYAN_DATA_DIR must be the same in both).';

/** The stack that `npm start` runs. @throws BanyanError `not_found` when none is running. */
export async function findRunningStack(env: Record<string, string | undefined>): Promise<RunningStack> {
  const { dataDir } = readStackSettings(env);
  const file = join(dataDir, 'stack.json');
  const stack = stackSchema.parse(JSON.parse(readOr(file, () => notRunning(`there is no ${file}`))));
  const { github } = stack.urls;
  await fetch(`${github}/rate_limit`).catch((cause: unknown) => {
    throw notRunning(`${github} does not answer`, cause);
  });
  return stack;
}

function notRunning(reason: string, cause?: unknown): BanyanError {
  return new BanyanError('not_found', `No Banyan is running here: ${reason}.`, { fix: FIX, cause });
}

function readOr(file: string, error: () => BanyanError): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw error();
  }
}
