import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageModule } from '../../src/kernel/package-root.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../support/database.ts';

const OWN = '20991231000000_shoes.sql';
let server: TestPostgres;
let database: TestDatabase;
let child: string;

beforeAll(async () => {
  child = mkdtempSync(join(tmpdir(), 'banyan-migrate-'));
  mkdirSync(join(child, 'api'));
  mkdirSync(join(child, 'supabase/migrations'), { recursive: true });
  writeFileSync(join(child, 'vercel.json'), '{}');
  writeFileSync(join(child, 'supabase/migrations', OWN), 'create table public.shoes (id int primary key);');
  server = await startPostgres();
  database = await server.createEmptyDatabase();
});

afterAll(async () => {
  await database.close();
  await server.stop();
  rmSync(child, { recursive: true, force: true });
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

async function migrate(args: string[], env: Record<string, string> = { DATABASE_URL: database.url }): Promise<Ended> {
  const options = { cwd: child, env: { PATH: process.env['PATH'], ...env } };
  const ended = await promisify(execFile)(process.execPath, [packageModule('scripts/banyan'), 'migrate', ...args], options).catch((thrown: Ended) => thrown);
  return { code: 0, ...ended };
}

describe('banyan migrate in a child', () => {
  it("applies the package's migrations and then the child's, once", async () => {
    const before = await migrate(['--check']);
    expect(before.code).toBe(1);
    expect(before.stdout).toContain(`waits   ${OWN}`);
    const { rows } = await database.pool.query("select to_regclass('public.tickets') as tickets");
    expect(rows).toEqual([{ tickets: null }]);

    const applied = await migrate([]);
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    const lines = applied.stdout.trim().split('\n');
    expect(lines.at(-2)).toBe(`applied ${OWN}`);
    expect(lines[0]).toMatch(/^applied \d{14}_foundation\.sql$/);
    await database.pool.query('select id from public.shoes');

    const after = await migrate(['--check', '--json']);
    expect(after.code).toBe(0);
    expect(JSON.parse(after.stdout)).toMatchObject({ waiting: [] });
  });

  it('says what is missing, and never takes two files of one version for one', async () => {
    expect((await migrate([], {})).stderr).toContain('DATABASE_URL is not set.');
    expect((await migrate([], { DATABASE_URL: 'mysql://x' })).stderr).toContain('is not a URL that begins with postgres://');
    const twin = join(child, 'supabase/migrations/20261121000100_mine.sql');
    writeFileSync(twin, 'select 1;');
    const refused = await migrate(['--check']);
    rmSync(twin);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/20261121000100_mine\.sql has the version of .*20261121000100_foundation\.sql/);
  });
});
