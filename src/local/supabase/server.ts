import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { App } from '@supabase/lite';
import { createPgliteConnection } from '@supabase/lite/pglite';
import { BanyanError } from '../../kernel/errors.ts';
import { migrate, readAllMigrations } from '../../store/migrate.ts';
import { listen, type HttpServer } from '../http.ts';
import { rememberGrants, restoreGrants } from './grants.ts';
import { joinRequestSettings } from './request-settings.ts';

export const supabaseSettings = z.object({
  port: z.number().int().min(0).max(65_535),
  dataDir: z.string().min(1),
  /** Folders, the one that others build on first. */
  migrations: z.array(z.string().min(1)),
  keys: z.object({ publishable: z.string().startsWith('sb_publishable_'), secret: z.string().startsWith('sb_secret_') }),
});

export type SupabaseSettings = z.output<typeof supabaseSettings>;

/** Large rows are rare here; the limit only keeps a runaway client from filling the memory. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** The database of `dataDir` behind Supabase's Data API, migrated. Requests without a key are refused. */
export async function createLocalSupabase(settings: SupabaseSettings): Promise<HttpServer> {
  const connection = await createPgliteConnection({ url: pathToFileURL(join(settings.dataDir, 'postgres')).href });
  const database = connection.driver;
  // A stop between the grants to everybody and putting back would otherwise be taken for what the migrations want.
  await restoreGrants(database);
  await migrate(database, await readAllMigrations(settings.migrations));
  await rememberGrants(database);
  joinRequestSettings(connection, database);
  // The catalogue is read when the App is made: migrate first.
  const app = new App({
    connection,
    auth: { enabled: false, publishable_key: settings.keys.publishable, secret_key: settings.keys.secret },
    options: { server: { admin: false, disableStudio: true } },
  } as unknown as ConstructorParameters<typeof App>[0]);
  const first = await app.fetch(new Request('http://127.0.0.1/rest/v1/organizations?select=id&limit=1', { headers: { apikey: settings.keys.secret } }));
  if (!first.ok) throw new BanyanError('database_error', `The embedded Supabase answers ${first.status}: ${await first.text()}`);
  await restoreGrants(database);

  const server = await listen({
    port: settings.port,
    handle: (request) => app.fetch(request),
    maxBodyBytes: MAX_BODY_BYTES,
    tooLarge: () => Response.json({ message: 'payload too large' }, { status: 413 }),
  });
  return {
    ...server,
    async close(graceMs) {
      await server.close(graceMs);
      await connection.close();
    },
  };
}
