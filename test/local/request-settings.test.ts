import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../src/local/http.ts';
import { createLocalSupabase } from '../../src/local/supabase/server.ts';

const keys = { publishable: 'sb_publishable_0123456789abcdef', secret: 'sb_secret_0123456789abcdef' };

/** Says what a function sees. */
const MIGRATION = `
  create role anon nologin;
  create role authenticated nologin;
  create role service_role nologin bypassrls;
  create table public.organizations (id uuid primary key);
  alter table public.organizations enable row level security;
  create function public.seen(names jsonb) returns jsonb language sql volatile as $$
    select jsonb_agg(coalesce(current_setting(name, true), '') order by place) from jsonb_array_elements_text(names) with ordinality as list (name, place)
  $$;
  grant select on public.organizations to service_role;
  grant execute on function public.seen to anon, service_role;
`;

let folder: string;
let server: HttpServer | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-settings-'));
  writeFileSync(join(folder, '20260101000000_seen.sql'), MIGRATION);
  server = await createLocalSupabase({ port: 0, dataDir: folder, migrations: [folder], keys });
}, 60_000);

afterAll(async () => {
  await server?.close(0);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function seen(key: string, names: string[], headers: Record<string, string> = {}): Promise<unknown> {
  const client = createClient(server?.url ?? '', key, { auth: { persistSession: false, autoRefreshToken: false }, global: { headers } });
  const { data, error } = await client.rpc('seen', { names });
  expect(error).toBeNull();
  return data;
}

describe('the settings of a request', () => {
  it('say who asks, as the role that the call runs with', async () => {
    const names = ['role', 'request.jwt.claim.role', 'request.jwt.claim.sub', 'response.status'];
    expect(await seen(keys.secret, names)).toEqual(['service_role', 'service_role', '', '']);
    expect(await seen(keys.publishable, names)).toEqual(['anon', 'anon', '', '']);
  });

  it('say what was asked', async () => {
    const [method, path, headers] = (await seen(keys.secret, ['request.method', 'request.path', 'request.headers'], { 'x-asked': 'by a test' })) as string[];
    expect([method, path]).toEqual(['POST', '/rpc/seen']);
    expect(JSON.parse(headers ?? '')).toMatchObject({ 'x-asked': 'by a test' });
  });

  it('are not those of the request before', async () => {
    await seen(keys.secret, [], { 'x-asked': 'before' });
    const [headers] = (await seen(keys.publishable, ['request.headers'])) as string[];
    expect(JSON.parse(headers ?? '')).not.toHaveProperty('x-asked');
  });
});
