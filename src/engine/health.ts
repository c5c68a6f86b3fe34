import { setTimeout } from 'node:timers/promises';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import { VERSION } from '../kernel/version.generated.ts';
import type { Health, Store } from '../store/contract.ts';
import { SCHEMA_VERSION } from '../store/schema-version.generated.ts';

/** A database that takes longer does not answer. Who asks hears it well before the platform (10 s) or a monitor gives up. */
const LIMIT_MS = 3_000;

async function healthWithin(store: Pick<Store, 'health'>, limitMs: number): Promise<Health> {
  const answered = new AbortController();
  const late = async (): Promise<never> => {
    await setTimeout(limitMs, undefined, { signal: answered.signal });
    throw new BanyanError('database_unavailable', `the database gave no answer within ${limitMs} ms`, { retry: 'transient' });
  };
  try {
    return await Promise.race([store.health(), late()]);
  } finally {
    answered.abort();
  }
}

/** Whether this deployment can do its work, and what waits. Holds no names and no texts: it answers anybody. */
export async function checkHealth(store: Pick<Store, 'health' | 'close'>, limitMs = LIMIT_MS): Promise<Response> {
  const base = { version: VERSION, schema_expected: SCHEMA_VERSION };
  try {
    const health = await healthWithin(store, limitMs);
    const migrated = health.schema_version >= SCHEMA_VERSION;
    const status = migrated ? 'ok' : 'not_migrated';
    return Response.json({ status, ...base, database: 'reachable', ...health }, { status: migrated ? 200 : 503 });
  } catch (thrown) {
    const { code } = toBanyanError(thrown);
    // A database that answers but does not know the function has not been migrated.
    const database = code === 'database_unavailable' ? 'unreachable' : 'not_migrated';
    return Response.json({ status: 'unavailable', ...base, database }, { status: 503 });
  } finally {
    // Not waited for: closing a connection to a database that hangs takes as long as it hangs.
    store.close().catch(() => undefined);
  }
}
