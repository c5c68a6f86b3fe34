import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Retained } from '../../src/store/contract.ts';
import { BanyanError } from '../../src/kernel/errors.ts';
import type { SandboxProvider } from '../../src/sandbox/types.ts';
import { runJob } from '../../src/watch/job.ts';
import type { WatchParts } from '../../src/watch/job.ts';
import { sweep, sweepJob } from '../../src/watch/sweep.ts';
import { createLog } from '../../src/engine/log.ts';
import { aTaskAtWork } from '../store/builders.ts';
import { emptyOut, pgliteHarness } from '../store/harness.ts';
import type { Harness } from '../store/harness.ts';

const EMPTY: Retained = { deliveries: 0, steps: 0, effects: 0, events: 0, audit: 0, more: false };
const RETENTION = { deliveryDays: 30, historyDays: 90 };

function stage(batches: Retained[]) {
  const lines: string[] = [];
  const asked: unknown[] = [];
  const store = {
    retain(batch: unknown) {
      asked.push(batch);
      return Promise.resolve(batches.shift() ?? EMPTY);
    },
  };
  return { store, asked, lines, log: createLog('info', (line) => void lines.push(line)), retention: RETENTION };
}

describe('the sweep', () => {
  it('goes on until nothing is left, and writes one line with the sums', async () => {
    const parts = stage([
      { ...EMPTY, deliveries: 5, more: true },
      { ...EMPTY, deliveries: 2, steps: 3 },
    ]);
    expect(await sweep({ ...parts, deadline: Date.now() + 60_000 })).toEqual({ ...EMPTY, deliveries: 7, steps: 3 });
    expect(parts.asked).toHaveLength(2);
    expect(parts.asked[0]).toMatchObject(RETENTION);
    expect(parts.lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ deliveries: 7, steps: 3, more: false }]);
  });

  it('begins no batch after its time, and says that there is more', async () => {
    const parts = stage([]);
    expect((await sweep({ ...parts, deadline: 0 })).more).toBe(true);
    expect(parts.asked).toEqual([]);
  });
});

describe('the job', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await pgliteHarness();
  });
  afterEach(() => emptyOut(harness));
  afterAll(() => harness.close());

  function parts(sweepSandboxes: SandboxProvider['sweep']): WatchParts {
    const sandboxes = { name: 'test', reachesRegistries: false, create: () => Promise.reject(new Error('none')), sweep: sweepSandboxes };
    return { store: harness.store, log: createLog('silent', () => undefined), sandboxes, retention: RETENTION } as unknown as WatchParts;
  }

  it('moves ten thousand rows out in one run', async () => {
    await harness.sql(
      `insert into deliveries (guid, event, subject, body, state, processed_at)
       select 'g' || n, 'issues', 's' || n, '{}', 'processed', now() - interval '40 days' from generate_series(1, 10000) n`,
    );
    expect(
      await runJob(
        sweepJob,
        parts(() => Promise.resolve(0)),
        Number.MAX_SAFE_INTEGER,
      ),
    ).toMatchObject({ more: false, did: { deliveries: 10_000 } });
    expect(await harness.sql('select count(*)::integer as left from deliveries')).toEqual([{ left: 0 }]);
  });

  it('ends the machines of tasks that are known and not at work, and of no others', async () => {
    const { taskId } = await aTaskAtWork(harness.store, 'w');
    const shortened = `banyan-${taskId}`.slice(0, 40);
    const others = ['banyan-0199ffff-0000-7000-8000-00000000', 'banyan-else', 'strange', `banyan-${"'".repeat(33)}`];
    const asked: (readonly string[])[] = [];
    const ended: string[] = [];
    const provider = parts(async ({ abandoned }) => {
      asked.push([shortened, ...others]);
      ended.push(...(await abandoned([shortened, ...others])));
      return ended.length;
    });
    await runJob(sweepJob, provider, Number.MAX_SAFE_INTEGER);
    expect([asked.length, ended]).toEqual([1, []]);
    await harness.store.completeTask(taskId, 'w', {}, { expectVersion: null, intents: [] });
    expect(await runJob(sweepJob, provider, Number.MAX_SAFE_INTEGER)).toMatchObject({ did: { sandboxes: 1 } });
    expect(ended).toEqual([shortened]);
  });

  it('goes on where the provider of sandboxes is away', async () => {
    const away = parts(() => Promise.reject(new BanyanError('sandbox_unavailable', 'away', { retry: 'needs_human' })));
    expect(await runJob(sweepJob, away, Number.MAX_SAFE_INTEGER)).toMatchObject({ error: null, did: { sandboxes: 0, deliveries: 0 } });
  });
});
