import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dailyJobs, timedJobs } from '../../src/domain/schedule.ts';
import { ROOT } from '../docs/pages.ts';

/** What the extensions bring, as far as the script uses it: a call over HTTP is a row here. */
const STUBS = `
  create schema vault; create schema cron; create schema net;
  create table vault.decrypted_secrets (name text, decrypted_secret text);
  create table cron.job (jobid bigint generated always as identity, jobname text unique, schedule text, command text);
  create table cron.job_run_details (jobid bigint, end_time timestamptz);
  create function cron.schedule(name text, schedule text, command text) returns bigint language sql as
    'insert into cron.job (jobname, schedule, command) values ($1, $2, $3) returning jobid';
  create function cron.unschedule(name text) returns boolean language sql as 'delete from cron.job where jobname = $1 returning true';
  create table net.calls (url text, headers jsonb, timeout_milliseconds integer);
  create function net.http_get(url text, headers jsonb, timeout_milliseconds integer) returns bigint language sql as
    'insert into net.calls values ($1, $2, $3) returning 1';
`;
const SECRETS = `insert into vault.decrypted_secrets values ('banyan_url', 'https://banyan.test/'), ('banyan_cron_secret', 's3cret')`;

/** Extensions cannot be made here; everything else runs as it is. */
const script = readFileSync(join(ROOT, 'supabase/cron.sql'), 'utf8').replaceAll(/^create extension .*$/gm, '');

describe('supabase/cron.sql', () => {
  let database: PGlite;
  beforeAll(async () => {
    database = await PGlite.create();
    await database.exec(STUBS);
  });
  afterAll(() => database.close());
  beforeEach(() => database.exec('delete from cron.job; delete from vault.decrypted_secrets; delete from net.calls; delete from cron.job_run_details'));

  const jobs = async () => (await database.query<{ jobname: string; schedule: string; command: string }>('select * from cron.job order by jobid')).rows;

  it('says what is missing in the vault, and changes nothing then', async () => {
    await expect(database.exec(script)).rejects.toThrow('missing in the vault: banyan_url, banyan_cron_secret');
    expect(await jobs()).toEqual([]);
  });

  it('calls each timed job at its time with the bearer', async () => {
    await database.exec(`${SECRETS}; ${script}`);
    const scheduled = (await jobs()).filter(({ jobname }) => jobname !== 'banyan-history');
    expect(scheduled.map(({ jobname, schedule }) => ({ job: jobname.replace('banyan-', ''), schedule }))).toEqual(timedJobs());
    for (const { command } of scheduled) await database.exec(command);
    const { rows } = await database.query('select url, headers from net.calls');
    expect(rows).toEqual(timedJobs().map(({ job }) => ({ url: `https://banyan.test/api/cron/${job}`, headers: { Authorization: 'Bearer s3cret' } })));
  });

  it('may run again: its own jobs are replaced, those of others stay', async () => {
    await database.exec(`${SECRETS}; select cron.schedule('banyan-gone', '* * * * *', 'select 1'); select cron.schedule('backup', '0 1 * * *', 'select 1')`);
    await database.exec(script);
    await database.exec(script);
    const names = (await jobs()).map(({ jobname }) => jobname);
    expect(names.toSorted()).toEqual(['backup', 'banyan-history', ...timedJobs().map(({ job }) => `banyan-${job}`)].toSorted());
  });

  it('keeps a week of its own history, and touches nobody else', async () => {
    await database.exec(`${SECRETS}; select cron.schedule('backup', '0 1 * * *', 'select 1'); ${script}`);
    await database.exec(`insert into cron.job_run_details select jobid, now() - age from cron.job, unnest(array[interval '1 day', interval '8 days']) as age`);
    const history = (await jobs()).find(({ jobname }) => jobname === 'banyan-history');
    await database.exec(history?.command ?? '');
    const { rows } = await database.query<{ jobname: string; n: number }>(
      'select jobname, count(*)::int as n from cron.job_run_details join cron.job using (jobid) group by 1 order by 1',
    );
    for (const { jobname, n } of rows) expect([jobname, n]).toEqual([jobname, jobname === 'backup' ? 2 : 1]);
  });
});

describe('templates/vercel-configs/daily.json', () => {
  const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { crons: { path: string; schedule: string }[] };

  it('is vercel.json with every job once a day at most', () => {
    const { crons, ...rest } = read('templates/vercel-configs/daily.json');
    const { crons: usual, ...others } = read('vercel.json');
    expect(rest).toEqual(others);
    expect(crons).toEqual(dailyJobs().map(({ job, schedule }) => ({ path: `/api/cron/${job}`, schedule })));
    expect(crons.map(({ path }) => path)).toEqual(usual.map(({ path }) => path));
    for (const { schedule } of crons) expect(schedule).toMatch(/^\d{1,2} \d{1,2} /);
  });
});
