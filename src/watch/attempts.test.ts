import { describe, expect, it } from 'vitest';
import type { HookAttempt, HookDeliveries } from '../github/hook-deliveries.ts';
import { BanyanError } from '../kernel/errors.ts';
import type { ListGap, RecordedAttempt, RedeliveryProgress } from '../store/contract.ts';
import { boundGaps, readAttempts } from './attempts.ts';
import type { AttemptStore } from './attempts.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const HORIZON = new Date(NOW - 3 * 86_400_000).toISOString();
/** Of the machine that runs the test: far enough away never to count. */
const NEVER = Number.MAX_SAFE_INTEGER;

interface Stage {
  hooks: HookDeliveries;
  store: AttemptStore;
  progress: RedeliveryProgress;
  recorded: RecordedAttempt[];
  /** Cursors that were asked for. */
  asked: string[];
  /** The list as GitHub has it: new ones in front. */
  list: HookAttempt[];
}

function attemptAt(minutesAgo: number, changes: Partial<HookAttempt> = {}): HookAttempt {
  const deliveredAt = new Date(NOW - minutesAgo * 60_000);
  return {
    id: String(minutesAgo),
    guid: `g${minutesAgo}`,
    deliveredAt,
    redelivery: false,
    statusCode: 502,
    event: 'issues',
    action: 'opened',
    installationId: 1,
    ...changes,
  };
}

/** A list in pages of two, whose cursors name an attempt, and a database of one row. */
function stage(list: HookAttempt[], refuse: (cursor: string) => boolean = () => false): Stage {
  const played: Stage = {
    list,
    recorded: [],
    asked: [],
    progress: { version: 0, seen_until: null, gaps: [], horizon: HORIZON },
    hooks: {
      list: async (cursor = '') => {
        played.asked.push(cursor);
        if (refuse(cursor)) throw new BanyanError('github_rejected', 'what cursor?');
        const from = cursor === '' ? 0 : played.list.findIndex(({ id }) => id === cursor) + 1;
        const attempts = played.list.slice(from, from + 2);
        return { attempts, next: from + 2 < played.list.length ? (attempts.at(-1)?.id ?? null) : null };
      },
      redeliver: () => Promise.reject(new Error('not to be asked')),
      payload: () => Promise.reject(new Error('not to be asked')),
    },
    store: {
      redeliveryProgress: async () => structuredClone(played.progress),
      recordAttempts: async (attempts, { version, seen_until: seen, gaps }) => {
        played.recorded.push(...attempts);
        if (version !== played.progress.version) return { status: 'overtaken' };
        played.progress = { ...played.progress, version: version + 1, seen_until: seen, gaps };
        return { status: 'recorded', version: version + 1 };
      },
    },
  };
  return played;
}

const many = (count: number, from = 0) => Array.from({ length: count }, (_, index) => attemptAt(from + index));
const guids = (recorded: RecordedAttempt[]) => [...new Set(recorded.map(({ guid }) => guid))];

describe('the first run', () => {
  it('reads back three days and not further, and keeps only what is handled, whatever came of it', async () => {
    const day = 24 * 60;
    const played = stage([
      attemptAt(1, { statusCode: 202 }),
      attemptAt(2, { event: 'push', action: null }),
      attemptAt(3, { action: 'pinned' }),
      attemptAt(2 * day),
      attemptAt(3 * day + 1),
      attemptAt(3 * day + 2),
      attemptAt(4 * day),
    ]);
    await readAttempts(played.hooks, played.store, NEVER);
    expect(played.recorded.map(({ guid, succeeded }) => [guid, succeeded])).toEqual([
      ['g1', true],
      [`g${2 * day}`, false],
      [`g${3 * day + 1}`, false],
      [`g${3 * day + 2}`, false],
    ]);
    expect(played.progress).toMatchObject({ gaps: [], seen_until: new Date(NOW - 60_000).toISOString() });
  });

  it.each([0, 302, 401, 413, 500, 504])('counts %i as a failure', async (statusCode) => {
    const played = stage([attemptAt(1, { statusCode })]);
    await readAttempts(played.hooks, played.store, NEVER);
    expect(played.recorded).toMatchObject([{ succeeded: false, status_code: statusCode }]);
  });
});

describe('a long list', () => {
  it('is read over several runs, what is new first, each attempt at least once', async () => {
    const played = stage(many(50, 10));
    await readAttempts(played.hooks, played.store, NEVER);
    expect(played.asked).toHaveLength(10);
    expect(guids(played.recorded)).toHaveLength(20);
    expect(played.progress.gaps).toEqual([{ cursor: '29', until: HORIZON }]);

    played.list = [attemptAt(5), ...played.list];
    await readAttempts(played.hooks, played.store, NEVER);
    expect(guids(played.recorded)).toContain('g5');
    await readAttempts(played.hooks, played.store, NEVER);
    expect(new Set(guids(played.recorded))).toEqual(new Set(played.list.map(({ guid }) => guid)));
    expect(played.progress.gaps).toEqual([]);

    // Nothing is new: one page.
    played.asked.length = 0;
    await readAttempts(played.hooks, played.store, NEVER);
    expect(played.asked).toEqual(['']);
  });

  it('of which more comes than a run can read leaves a second gap', async () => {
    const played = stage(many(30, 100));
    await readAttempts(played.hooks, played.store, NEVER);
    played.list = [...many(60), ...played.list];
    await readAttempts(played.hooks, played.store, NEVER);
    expect(played.progress.gaps.map(({ cursor }) => cursor)).toEqual(['19', '119']);
    for (let run = 0; run < 4; run += 1) await readAttempts(played.hooks, played.store, NEVER);
    expect(new Set(guids(played.recorded))).toEqual(new Set(played.list.map(({ guid }) => guid)));
  });

  it('is read a little past what was seen: an attempt is listed when it is over, and newer ones may have been there before', async () => {
    const played = stage([attemptAt(1), attemptAt(3), attemptAt(9)]);
    await readAttempts(played.hooks, played.store, NEVER);
    played.list = [attemptAt(0), attemptAt(1), attemptAt(2), attemptAt(3), attemptAt(9)];
    await readAttempts(played.hooks, played.store, NEVER);
    expect(guids(played.recorded)).toContain('g2');
  });

  it('is read from the top again where GitHub no longer knows the cursor', async () => {
    const played = stage(many(6), (cursor) => cursor === 'stale');
    played.progress.gaps = [{ cursor: 'stale', until: HORIZON }];
    played.progress.seen_until = new Date(NOW + 60_000).toISOString();
    await readAttempts(played.hooks, played.store, NEVER);
    expect(guids(played.recorded)).toHaveLength(6);
    expect(played.progress.gaps).toEqual([]);
  });
});

describe('a run beside another', () => {
  it('stops where the other one has moved on; nothing is lost', async () => {
    const played = stage(many(12));
    await Promise.all([readAttempts(played.hooks, played.store, NEVER), readAttempts(played.hooks, played.store, NEVER)]);
    await readAttempts(played.hooks, played.store, NEVER);
    expect(guids(played.recorded)).toHaveLength(12);
    expect(played.progress.gaps).toEqual([]);
  });

  it('that dies between two pages leaves the rest as a gap', async () => {
    const played = stage(many(12));
    const { recordAttempts } = played.store;
    let pages = 0;
    played.store.recordAttempts = async (...args) => {
      pages += 1;
      if (pages === 3) throw new BanyanError('database_unavailable', 'away', { retry: 'transient' });
      return recordAttempts(...args);
    };
    await expect(readAttempts(played.hooks, played.store, NEVER)).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(played.progress.gaps).toEqual([{ cursor: '3', until: HORIZON }]);
    await readAttempts(played.hooks, played.store, NEVER);
    expect(guids(played.recorded)).toHaveLength(12);
  });
});

it('gaps beyond twenty become one that spans them', () => {
  const gaps = Array.from({ length: 23 }, (_, index): ListGap => ({ cursor: `c${index}`, until: `u${index}` }));
  expect(boundGaps(gaps)).toEqual([...gaps.slice(0, 19), { cursor: 'c19', until: 'u22' }]);
  expect(boundGaps(gaps.slice(0, 20))).toEqual(gaps.slice(0, 20));
});
