import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SCHEDULE } from '../../src/domain/schedule.ts';
import { createLog } from '../../src/engine/log.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import { WATCH_JOBS } from '../../src/watch/index.ts';
import { emptyReport, lookingJob, runJob } from '../../src/watch/job.ts';
import type { WatchJob, WatchParts } from '../../src/watch/job.ts';
import { addTask, aPlace, createDesk, openTicket, startRun } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

let harness: Harness;
let lines: Record<string, unknown>[] = [];

beforeAll(async () => {
  harness = await pgliteHarness();
  await harness.sql(`
    create function banyan.probe_candidates() returns table (subject text, organization_id uuid, progress_at timestamptz, data jsonb)
    language sql stable set search_path = '' as $$
      select 'ticket:' || t.id, t.organization_id, t.created_at, jsonb_build_object('number', t.number) from public.tickets t
    $$`);
});
afterEach(async () => {
  lines = [];
  await emptyOut(harness);
});
afterAll(() => harness.close());

function parts(): WatchParts {
  const log = createLog('info', (line) => void lines.push(JSON.parse(line) as Record<string, unknown>));
  return { store: harness.store, log } as WatchParts;
}

async function tickets(count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) await createDesk(harness.store, number).deliver([openTicket(number), startRun]);
}

const FAR = Number.MAX_SAFE_INTEGER;
const reports = () => harness.sql('select job, looked, acted, failed, more, did, error from banyan.watch_reports order by id');

it('every job has a time or runs with the tick, in the same order', () => {
  expect(SCHEDULE.map(({ job }) => job)).toEqual(['tick', ...WATCH_JOBS.map(({ name }) => name)]);
});

describe('a job that looks at rows', () => {
  it('is not stopped by a row that fails, which comes again later', async () => {
    await tickets(30);
    const seen: number[] = [];
    const job = lookingJob<{ number: number }>({
      name: 'probe',
      look({ data }) {
        seen.push(data.number);
        if (data.number === 3) throw new BanyanError('payload_invalid', 'a poisoned row');
        return { finding: data.number % 2 ? 'odd' : null, nextLookSeconds: 600, did: ['looked'] };
      },
    });
    await runJob(job, parts(), FAR);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(await reports()).toEqual([{ job: 'probe', looked: 30, acted: 0, failed: 1, more: false, did: { looked: 29 }, error: null }]);
    await runJob(job, parts(), FAR);
    expect(seen).toHaveLength(30);
    // A finding is told once, and so is a failure.
    expect(lines.filter(({ msg }) => msg === 'something was found')).toHaveLength(14);
    expect(lines.filter(({ level }) => level === 40)).toMatchObject([{ code: 'payload_invalid', failures: 1 }]);
  });

  it('looks at each row once where two runs meet', async () => {
    await tickets(25);
    const seen: number[] = [];
    const job = lookingJob<{ number: number }>({
      name: 'probe',
      look({ data }) {
        seen.push(data.number);
        return { finding: null, nextLookSeconds: 600 };
      },
    });
    await Promise.all([runJob(job, parts(), FAR), runJob(job, parts(), FAR)]);
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
  });

  it('ends at its rows or its time, and says that there is more', async () => {
    await tickets(5);
    const job = lookingJob({ name: 'probe', rows: 3, look: () => ({ finding: null, nextLookSeconds: 600 }) });
    expect(await runJob(job, parts(), FAR)).toMatchObject({ looked: 3, more: true });
    expect(await runJob(job, parts(), 0)).toMatchObject({ looked: 0, more: true });
    expect(await runJob(job, parts(), FAR)).toMatchObject({ looked: 2, more: false });
  });

  it('begins no look after its time within what it has taken, and gives the rest back', async () => {
    await tickets(5);
    const seen: number[] = [];
    const until = Date.now() + 60_000;
    let time = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => time);
    const job = lookingJob<{ number: number }>({
      name: 'probe',
      look({ data }) {
        seen.push(data.number);
        // Each look takes 40 seconds.
        time += 40_000;
        return { finding: null, nextLookSeconds: 600 };
      },
    });
    const report = await runJob(job, parts(), until);
    vi.restoreAllMocks();
    expect(report).toMatchObject({ looked: 2, more: true });
    // Nobody has to wait for the lease of what was not looked at.
    expect(await runJob(job, parts(), FAR)).toMatchObject({ looked: 3, more: false });
    expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a mark that makes no sense', () => {
  const CANDIDATES = ['approvals', 'blocked', 'guardian', 'reconcile', 'anomaly', 'diagnose', 'heartbeat', 'branches', 'digest', 'conductor'];

  it.each(CANDIDATES)('holds up nobody else: %s', async (job) => {
    const place = aPlace();
    for (const number of [1, 2, 3]) await createDesk(harness.store, number, place).deliver([openTicket(number), startRun, addTask('develop:1')]);
    await harness.sql('analyze');
    await harness.sql(
      `insert into banyan.watch_marks (job, subject, next_look_at, finding, memory)
       select $1, s, now() - interval '1 minute', 'odd', m::jsonb
       from unnest(array['nope', 'ticket:nope', 'task:nope', 'run:', 'effects:nope', 'pull:x', 'project:x']) as s,
         lateral (select case when s = 'nope' then '[]' when s like 't%' then '{"read":"x","stage":"one","waits":"x","was":5}' else '"x"' end as m) as memories
       union all
       select $1, 'ticket:' || id, now() - interval '1 minute', 'odd', '{"read":"x","stage":"one","waits":"0","was":5}' from public.tickets where number = 2`,
      [job],
    );
    const items = await harness.store.watchClaim(job, 100, 60);
    expect(items.every(({ subject }) => typeof subject === 'string')).toBe(true);
    expect(await harness.store.watchForget({ limit: 100, days: 14 })).toMatchObject({ marks: 0 });
  });
});

it('a run that fails as a whole is recorded, and throws nothing', async () => {
  const job: WatchJob = { name: 'broken', run: () => Promise.reject(new BanyanError('github_unavailable', 'GitHub is away', { retry: 'transient' })) };
  await runJob(job, parts(), FAR);
  expect(await reports()).toMatchObject([{ job: 'broken', looked: 0, more: true, error: { code: 'github_unavailable' } }]);
  expect(lines.filter(({ level }) => level === 50)).toHaveLength(1);
});

it('a run that cannot be recorded has done its work all the same', async () => {
  const job: WatchJob = { name: 'fine', run: async () => ({ ...emptyReport(), looked: 1 }) };
  const away = { ...parts(), store: { ...harness.store, watchReport: () => Promise.reject(new Error('the database is away')) } };
  expect(await runJob(job, away, FAR)).toMatchObject({ looked: 1 });
});
