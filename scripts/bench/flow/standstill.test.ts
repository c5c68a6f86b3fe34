import { describe, expect, it } from 'vitest';
import { unfinished } from './evidence.ts';
import type { ReadRows } from './evidence.ts';
import { Recorder } from './recorder.ts';

describe('waiting for issues', () => {
  it('ends where none comes further, and names the issue and what is under way', async () => {
    const recorder = new Recorder({ stallMs: 20 });
    recorder.begin({ category: 'scheduling', name: 'project#7' });
    recorder.begin({ category: 'tests', name: 'npm test' });
    await expect(recorder.reached('shop#7', 'ready')).rejects.toMatchObject({ code: 'limit_reached', data: { issue: 'shop#7', mark: 'ready' } });
    expect(recorder.underWay()).toBe('under way: 1 x a worker, 1 x tests npm test');
    await expect(recorder.quiet()).rejects.toMatchObject({ code: 'limit_reached', message: expect.stringContaining('1 x tests npm test') });
  });
});

describe('what is left', () => {
  const NOW = Date.parse('2026-03-01T12:00:00Z');
  const error = { code: 'github_rate_limited', message: 'what is allowed is used up' };
  const rows: Record<string, Record<string, unknown>[]> = {
    'tasks pending': [
      { role: 'qa', due_at: '2026-03-01T12:59:30Z', error },
      { role: 'qa', due_at: '2026-03-01T12:59:20Z', error },
      { role: 'developer', due_at: '2026-03-01T11:59:00Z', held: true, blockers: 1 },
    ],
    'effects begun': [{ kind: 'label', due_at: '2026-03-01T11:00:00Z', lease_owner: 'worker' }],
  };
  const read: ReadRows = (table, column, value) => Promise.resolve(column === 'state' ? (rows[`${table} ${value}`] ?? []) : []);

  it('is told by what it waits for', async () => {
    expect(await unfinished(read, NOW)).toEqual([
      'tasks pending: 2 x qa, due in 60 min, github_rate_limited: what is allowed is used up',
      'tasks pending: 1 x developer, due, held, blocked',
      'effects begun: 1 x label, due, at work',
    ]);
    expect(await unfinished(() => Promise.resolve([]), NOW)).toEqual(['the database knows of no unfinished work']);
  });

  it('is told without a table that cannot be read', async () => {
    const lines = await unfinished((table, ...rest) => (table === 'effects' ? Promise.reject(new Error('gone')) : read(table, ...rest)), NOW);
    expect(lines).toContain('effects: Error: gone');
    expect(lines).toContain('tasks pending: 1 x developer, due, held, blocked');
  });
});
