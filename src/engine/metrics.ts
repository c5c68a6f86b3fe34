import { METRICS_TYPE, renderMetrics } from '../domain/metrics.ts';
import { VERSION } from '../kernel/version.generated.ts';
import type { Store } from '../store/contract.ts';

/** What a scrape is told. @throws BanyanError where the database does not answer */
export async function serveMetrics(store: Pick<Store, 'metrics' | 'close'>): Promise<Response> {
  try {
    return new Response(renderMetrics(await store.metrics(), VERSION), { headers: { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' } });
  } finally {
    // Not waited for: closing a connection to a database that hangs takes as long as it hangs.
    store.close().catch(() => undefined);
  }
}
