import { describe, expect, it } from 'vitest';
import type { HookAttempt, HookDeliveries } from '../github/hook-deliveries.ts';
import { BanyanError } from '../kernel/errors.ts';
import { chooseRedeliveries, redeliverFailed } from './redeliver.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

let lastId = 0;

function attempt(guid: string, secondsAgo: number, changes: Partial<HookAttempt> = {}): HookAttempt {
  lastId += 1;
  const deliveredAt = new Date(NOW - secondsAgo * 1000);
  return { id: String(lastId), guid, deliveredAt, redelivery: false, statusCode: 502, event: 'issues', action: 'opened', ...changes };
}

/** A first attempt and redeliveries, newest first, all failed. */
function failedTimes(guid: string, secondsAgo: number[]): HookAttempt[] {
  return secondsAgo.map((seconds, index) => attempt(guid, seconds, { redelivery: index > 0 })).toReversed();
}

function chosen(attempts: HookAttempt[]): string[] {
  return chooseRedeliveries(attempts, NOW).map(({ guid }) => guid);
}

describe('what is asked for again', () => {
  it('is what nobody answered with success, by its first attempt, oldest first', () => {
    const attempts = [
      attempt('new', 10),
      attempt('old', 30, { redelivery: true, statusCode: 503 }),
      attempt('old', 60),
      attempt('done', 70, { statusCode: 202 }),
    ];
    expect(chooseRedeliveries(attempts, NOW)).toEqual([attempts[2], attempts[0]]);
  });

  it.each([0, 302, 401, 500, 503, 504])('counts %i as a failure', (statusCode) => {
    expect(chosen([attempt('a', 10, { statusCode })])).toEqual(['a']);
  });

  it('is nothing that one attempt brought home, whichever it was', () => {
    expect(chosen([attempt('late', 20, { redelivery: true, statusCode: 202 }), attempt('late', 60)])).toEqual([]);
    expect(chosen([attempt('early', 20, { redelivery: true }), attempt('early', 60, { statusCode: 200 })])).toEqual([]);
  });

  it('is only what Banyan handles', () => {
    expect(chosen([attempt('push', 10, { event: 'push', action: null }), attempt('pinned', 10, { action: 'pinned' })])).toEqual([]);
    expect(
      chosen([attempt('comment', 10, { event: 'issue_comment', action: 'created' }), attempt('merge', 11, { event: 'pull_request', action: 'closed' })]),
    ).toEqual(['merge', 'comment']);
  });

  it.each([
    { attempts: [5], due: false },
    { attempts: [5.1], due: true },
    { attempts: [60, 10], due: false },
    { attempts: [60, 10.1], due: true },
    { attempts: [300, 200, 150, 100, 80], due: false },
    { attempts: [300, 200, 150, 100, 80.1], due: true },
    { attempts: [900, 800, 700, 600, 500, 400], due: false },
  ])('waits twice as long after each attempt and ends after six: $attempts', ({ attempts, due }) => {
    expect(chosen(failedTimes('a', attempts))).toEqual(due ? ['a'] : []);
  });

  it('is nothing whose first attempt is older than an hour or not in the list', () => {
    expect(chosen([attempt('hour', 3600)])).toEqual([]);
    expect(chosen([attempt('almost', 3599)])).toEqual(['almost']);
    expect(chosen([attempt('given-up', 3500, { redelivery: true })])).toEqual([]);
  });

  it('is at most twenty, the oldest', () => {
    const guids = Array.from({ length: 30 }, (_, index) => `g${index}`);
    expect(chosen(guids.map((guid, index) => attempt(guid, 10 + index)))).toEqual(guids.slice(10).toReversed());
  });
});

interface Played {
  hooks: HookDeliveries;
  pages: number;
  asked: string[];
}

/** Pages of a list, and an answer to each wish for a redelivery. */
function playHooks(pages: HookAttempt[][], refuse: (id: string) => BanyanError | undefined = () => undefined): Played {
  const played: Played = {
    pages: 0,
    asked: [],
    hooks: {
      list: async (cursor) => {
        played.pages += 1;
        const index = Number(cursor ?? 0);
        return { attempts: pages[index] ?? [], next: index + 1 < pages.length ? String(index + 1) : null };
      },
      redeliver: async (id) => {
        played.asked.push(id);
        const error = refuse(id);
        if (error) throw error;
      },
    },
  };
  return played;
}

describe('a run', () => {
  it('reads on only while the list is younger than an hour', async () => {
    const played = playHooks([[attempt('a', 10)], [attempt('b', 3000), attempt('c', 4000)], [attempt('d', 5000)]]);
    await redeliverFailed({ hooks: played.hooks, log: SILENT }, NOW);
    expect(played.pages).toBe(2);
    expect(played.asked).toHaveLength(2);
  });

  it('reads five pages at most', async () => {
    const played = playHooks(Array.from({ length: 9 }, (_, index) => [attempt(`p${index}`, 10 + index)]));
    await redeliverFailed({ hooks: played.hooks, log: SILENT }, NOW);
    expect([played.pages, played.asked.length]).toEqual([5, 5]);
  });

  it('goes on past what GitHub no longer has, and ends where GitHub is away', async () => {
    const [first, second, third] = [attempt('a', 30), attempt('b', 20), attempt('c', 10)];
    const played = playHooks([[third, second, first]], (id) => {
      if (id === first.id) return new BanyanError('not_found', 'gone');
      return new BanyanError('github_unavailable', 'away', { retry: 'transient' });
    });
    await redeliverFailed({ hooks: played.hooks, log: SILENT }, NOW);
    expect(played.asked).toEqual([first.id, second.id]);
  });

  it('that cannot read the list says so and fails nobody', async () => {
    const said: unknown[] = [];
    const hooks: HookDeliveries = {
      list: () => Promise.reject(new BanyanError('github_unavailable', 'away', { retry: 'transient' })),
      redeliver: () => Promise.reject(new Error('not to be asked')),
    };
    await redeliverFailed({ hooks, log: { ...SILENT, warn: (fields) => said.push(fields) } }, NOW);
    expect(said).toEqual([{ code: 'github_unavailable', reason: 'away' }]);
  });
});
