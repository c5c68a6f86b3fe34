import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from './support.ts';

const main = fileURLToPath(new URL('../../src/local/supabase/main.ts', import.meta.url));
const keys = { publishable: 'sb_publishable_0123456789abcdef', secret: 'sb_secret_0123456789abcdef' };

let dataDir: string;
let running: { child: ChildProcess; url: string };

async function start(): Promise<{ child: ChildProcess; url: string }> {
  const settings = join(dataDir, 'settings.json');
  const migrations = fileURLToPath(new URL('../../supabase/migrations', import.meta.url));
  writeFileSync(settings, JSON.stringify({ port: 0, dataDir, migrations: [migrations], keys }));
  const child = spawn(process.execPath, [main, settings], { env: { PATH: process.env['PATH'], DO_NOT_TRACK: '1' } });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const url = await waitFor(`the embedded Supabase (${text})`, () => /^listening (\S+)/m.exec(text)?.[1], 60_000);
  return { child, url };
}

function client(key: string): SupabaseClient {
  return createClient(running.url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'banyan-supabase-'));
  running = await start();
}, 90_000);

afterAll(async () => {
  if (running.child.exitCode === null && running.child.signalCode === null) {
    running.child.kill('SIGTERM');
    await once(running.child, 'exit');
  }
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

describe('the embedded Supabase', () => {
  it('lets the secret key call the functions, and nobody else', async () => {
    const { data, error } = await client(keys.secret).rpc('health');
    expect(error).toBeNull();
    expect(data).toHaveProperty('schema_version');
    expect((await client(keys.publishable).rpc('health')).error?.code).toBe('42501');
    expect((await fetch(`${running.url}/rest/v1/rpc/health`, { method: 'POST', body: '{}' })).status).toBe(401);
    expect((await client('sb_secret_somebody_else_000000').rpc('health')).error).not.toBeNull();
  });

  it('has nothing of its own schema open to keys of browsers', async () => {
    const { data } = await client(keys.secret).rpc('inspect');
    expect(data).toMatchObject({ role: 'service_role', open: [], unguarded: [] });
  });

  it('keeps the grants of the migrations on tables', async () => {
    const { error } = await client(keys.publishable).from('tickets').select('id').limit(1);
    expect(error?.code).toBe('42501');
    expect((await client(keys.secret).from('tickets').select('id').limit(1)).error).toBeNull();
  });

  it('has its data after SIGKILL', async () => {
    const { error } = await client(keys.secret).from('organizations').insert({ github_id: 7, login: 'survivor' }).select();
    expect(error).toBeNull();
    running.child.kill('SIGKILL');
    await once(running.child, 'exit');

    running = await start();
    const { data } = await client(keys.secret).from('organizations').select('login');
    expect(data).toEqual([{ login: 'survivor' }]);
    const grants = await client(keys.publishable).from('tickets').select('id').limit(1);
    expect(grants.error?.code).toBe('42501');
  }, 90_000);
});
