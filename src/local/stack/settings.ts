import { resolve } from 'node:path';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

const settingsSchema = z.object({
  BANYAN_PORT: port(3000),
  BANYAN_GITHUB_PORT: port(4001),
  BANYAN_SUPABASE_PORT: port(54_321),
  BANYAN_DATA_DIR: z.string().min(1).default('.banyan'),
  BANYAN_TICK_SECONDS: z.coerce.number().min(0.2).max(3600).default(5),
});

export interface StackSettings {
  ports: { app: number; github: number; supabase: number };
  dataDir: string;
  tickSeconds: number;
}

/** @throws BanyanError `config_invalid` naming every variable that is wrong. */
export function readStackSettings(source: Record<string, string | undefined>): StackSettings {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== ''));
  const result = settingsSchema.safeParse(given);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`);
    throw new BanyanError('config_invalid', `The local stack cannot start:\n  ${problems.join('\n  ')}`);
  }
  const env = result.data;
  return {
    ports: { app: env.BANYAN_PORT, github: env.BANYAN_GITHUB_PORT, supabase: env.BANYAN_SUPABASE_PORT },
    dataDir: resolve(env.BANYAN_DATA_DIR),
    tickSeconds: env.BANYAN_TICK_SECONDS,
  };
}

/** Whose values would lead to somebody's real accounts; the stack sets its own. */
const AMBIENT = /^(GITHUB_|GH_|SUPABASE_|VERCEL|CRON_SECRET$|DATABASE_URL$|PORT$|BANYAN_URL$|CI$)/;

/** The user's environment for the functions: models, keys and limits go through, the accounts of other places do not. */
export function passThrough(source: Record<string, string | undefined>): Record<string, string> {
  const entries = Object.entries(source).filter((entry): entry is [string, string] => entry[1] !== undefined && !AMBIENT.test(entry[0]));
  return Object.fromEntries(entries);
}
