import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { BanyanConfig } from '../agents/instance.ts';
import { BanyanError } from '../kernel/errors.ts';

const FILES = ['banyan.config.ts', 'banyan.config.mjs', 'banyan.config.js'];

const configSchema = z.object({
  default: z.custom<BanyanConfig>((value) => value !== null && typeof value === 'object' && 'settings' in value && 'roles' in value),
});

/**
 * The configuration of a project; null where it has none, as Banyan's own checkout.
 * @throws BanyanError `config_invalid` of `defineConfig`, or where the file does not export what that gives
 */
export async function loadInstance(project: string): Promise<BanyanConfig | null> {
  const file = FILES.map((name) => join(project, name)).find((path) => existsSync(path));
  if (file === undefined) return null;
  const loaded = configSchema.safeParse({ ...((await import(pathToFileURL(file).href)) as object) });
  if (loaded.success) return loaded.data.default;
  throw new BanyanError('config_invalid', `${file} exports no configuration.`, { fix: 'Write: export default defineConfig({ ... });' });
}
