import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHandlers } from '../../src/app.ts';
import { METRICS } from '../../src/domain/metrics.ts';
import { firstColumn, readPage, ROOT } from './pages.ts';

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string }[];
}
interface Dashboard {
  schemaVersion: number;
  uid: string;
  templating: { list: { name: string; type: string }[] };
  panels: Panel[];
}

const dashboard = JSON.parse(readFileSync(join(ROOT, 'docs/grafana.json'), 'utf8')) as Dashboard;
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted();

/** The metric behind a name in a query: a histogram is asked for by its buckets. */
function metricOf(name: string): string {
  const stem = name.replace(/_(?:bucket|sum|count)$/, '');
  return METRICS[stem]?.type === 'histogram' ? stem : name;
}

describe('the dashboard', () => {
  it('asks for metrics that are served, for counters and histograms by their rate', () => {
    const named = expressions.flatMap((expr) => expr.match(/\bbanyan_[a-z_]+/g) ?? []);
    expect(named.length).toBeGreaterThan(40);
    expect(sorted(named.map(metricOf)).filter((name) => !(name in METRICS))).toEqual([]);
    for (const expr of expressions) {
      for (const name of expr.match(/\bbanyan_[a-z_]+/g) ?? []) {
        const rated = /(?:rate|increase)\($/.test(expr.slice(0, expr.indexOf(name)));
        expect([expr, rated]).toEqual([expr, METRICS[metricOf(name)]?.type !== 'gauge']);
      }
    }
  });

  it('shows every metric but the moments that it shows as ages', () => {
    const shown = new Set(expressions.flatMap((expr) => expr.match(/\bbanyan_[a-z_]+/g) ?? []).map(metricOf));
    expect(Object.keys(METRICS).filter((name) => !shown.has(name))).toEqual(['banyan_watch_last_run_timestamp_seconds']);
  });

  it('has panels with ids of their own, that do not lie upon each other', () => {
    expect(dashboard).toMatchObject({ schemaVersion: 39, uid: 'banyan', templating: { list: [{ name: 'datasource', type: 'datasource' }] } });
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)}/${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
  });
});

it('the page on metrics has every one of them', () => {
  expect(sorted(firstColumn(readPage('docs/operations.md'), 'metrics'))).toEqual(sorted(Object.keys(METRICS)));
});

describe('GET /api/metrics', () => {
  const CRON = 'a-secret-for-the-cron-of-this-test';
  const OWN = 'a-token-for-monitoring-of-this-test';
  const source = {
    CRON_SECRET: CRON,
    BANYAN_METRICS_TOKEN: OWN,
    GITHUB_WEBHOOK_SECRET: 'webhook',
    GITHUB_APP_ID: '1',
    GITHUB_APP_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----',
    // Nobody answers there.
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SECRET_KEY: 'sb_secret_of_the_test',
    SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_the_test',
  };
  const asked = async (token: string | null, variables: Record<string, string | undefined> = source) => {
    const { metrics } = createHandlers({ waitUntil: () => undefined, deadline: () => undefined }, variables);
    const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    return (await metrics(new Request('http://banyan.test/api/metrics', { headers }))).status;
  };

  it('is for whoever has the token or the secret of the cron, and for nobody else', async () => {
    expect([await asked(null), await asked(''), await asked('undefined'), await asked(OWN.slice(1))]).toEqual([401, 401, 401, 401]);
    // Let in: there is no database to ask.
    expect([await asked(OWN), await asked(CRON)]).toEqual([503, 503]);
    expect([await asked('undefined', { ...source, BANYAN_METRICS_TOKEN: undefined }), await asked('', { ...source, BANYAN_METRICS_TOKEN: '' })]).toEqual([
      401, 401,
    ]);
  });
});
