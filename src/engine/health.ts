import { toBanyanError } from '../kernel/errors.ts';
import { VERSION } from '../kernel/version.generated.ts';
import type { Store } from '../store/contract.ts';
import { SCHEMA_VERSION } from '../store/schema-version.generated.ts';

/** Whether this deployment can do its work, and what waits. Holds no names and no texts: it answers anybody. */
export async function checkHealth(store: Pick<Store, 'health' | 'close'>): Promise<Response> {
  const base = { version: VERSION, schema_expected: SCHEMA_VERSION };
  try {
    const health = await store.health();
    const migrated = health.schema_version >= SCHEMA_VERSION;
    const status = migrated ? 'ok' : 'not_migrated';
    return Response.json({ status, ...base, database: 'reachable', ...health }, { status: migrated ? 200 : 503 });
  } catch (thrown) {
    const { code } = toBanyanError(thrown);
    // A database that answers but does not know the function has not been migrated.
    const database = code === 'database_unavailable' ? 'unreachable' : 'not_migrated';
    return Response.json({ status: 'unavailable', ...base, database }, { status: 503 });
  } finally {
    await store.close();
  }
}
