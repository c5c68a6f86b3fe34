/** The part of the embedded database that is needed here. */
interface SettingsDatabase {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** Who asks, as the library has made it out. */
interface RequestVars {
  auth?: { role?: string; uid?: string | number | null; jwt?: unknown };
  storage?: { operation?: string | null };
}

interface RpcRequest {
  method: string;
  path: string;
  requestHeaders?: Record<string, string>;
}

const CALLER = `select set_config('role', $1, true), set_config('request.jwt.claim.sub', $2, true), set_config('request.jwt.claim.role', $1, true),
  set_config('request.jwt.claims', $3, true), set_config('storage.operation', $4, true)`;

const REQUEST = `select set_config('response.status', '', true), set_config('response.headers', '', true), set_config('request.method', $1, true),
  set_config('request.path', $2, true), set_config('request.headers', $3, true)`;

/**
 * The embedded Supabase says who calls, and by what request, in ten statements before each call (0.10.0); together they take longer than what
 * is called. Here the same is said in two. They go to the one session that the library has in its transaction, one request at a time. A version that
 * asks for this by other names says it in its own way again.
 */
export function joinRequestSettings(connection: object, database: SettingsDatabase): void {
  Object.assign(connection, {
    async applyJwtSessionContext(_transaction: unknown, { auth, storage }: RequestVars) {
      const claims = auth?.jwt && typeof auth.jwt === 'object' ? JSON.stringify(auth.jwt) : '';
      await database.query(CALLER, [auth?.role || 'anon', String(auth?.uid ?? ''), claims, storage?.operation ?? '']);
    },
    async applyRpcRequestGucs(_transaction: unknown, { method, path, requestHeaders }: RpcRequest) {
      await database.query(REQUEST, [method, path, JSON.stringify(requestHeaders ?? {})]);
    },
  });
}
