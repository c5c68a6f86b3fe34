import { describe, expect, it } from 'vitest';
import { judgeAgent, judgeWorker } from './liveness.ts';
import type { AgentFacts } from './liveness.ts';

const NOW = new Date('2026-11-23T12:00:00Z');
const facts = (changes: Partial<AgentFacts> = {}): AgentFacts => ({
  state: 'active',
  losses_in_a_row: 0,
  new_losses: 0,
  succeeded_before: false,
  succeeded_since: false,
  lost_at: '2026-11-23T11:59:00Z',
  silent_seconds: null,
  ...changes,
});
const judge = (changes: Partial<AgentFacts>) => judgeAgent(facts(changes), NOW);

describe('an agent', () => {
  it('is degraded by a loss, and failed by five in a row', () => {
    expect(judge({ new_losses: 1 })).toEqual({ state: 'degraded', lossesInARow: 1, holdSeconds: null });
    expect(judge({ state: 'degraded', losses_in_a_row: 3, new_losses: 1 })).toEqual({ state: 'degraded', lossesInARow: 4, holdSeconds: null });
    expect(judge({ state: 'degraded', losses_in_a_row: 4, new_losses: 1 })).toEqual({ state: 'failed', lossesInARow: 5, holdSeconds: 60 });
  });

  it('is held longer after each further loss, within a bound, and not anew without one', () => {
    const hold = (losses: number) => judge({ state: 'failed', losses_in_a_row: losses - 1, new_losses: 1 }).holdSeconds;
    expect([5, 6, 7, 9, 10, 100].map(hold)).toEqual([60, 120, 240, 960, 1800, 1800]);
    expect(judge({ state: 'failed', losses_in_a_row: 7 })).toEqual({ state: 'failed', lossesInARow: 7, holdSeconds: null });
  });

  it('is made well by one success, and by an hour without a loss', () => {
    expect(judge({ state: 'failed', losses_in_a_row: 7, succeeded_since: true })).toEqual({ state: 'active', lossesInARow: 0, holdSeconds: null });
    expect(judge({ state: 'degraded', losses_in_a_row: 4, new_losses: 1, succeeded_before: true })).toMatchObject({ state: 'degraded', lossesInARow: 1 });
    expect(judge({ state: 'failed', losses_in_a_row: 7, lost_at: '2026-11-23T10:59:00Z' }).state).toBe('active');
    expect(judge({ state: 'degraded', losses_in_a_row: 1, lost_at: null }).state).toBe('active');
  });

  it('of elsewhere is judged by its silence, step by step, and one word makes that good', () => {
    const state = (from: AgentFacts['state'], silent: number, changes: Partial<AgentFacts> = {}) =>
      judge({ state: from, silent_seconds: silent, lost_at: null, ...changes }).state;
    expect([0, 239, 240, 480, 300_000].map((silent) => state('active', silent))).toEqual(['active', 'active', 'degraded', 'degraded', 'degraded']);
    expect([479, 480, 300_000].map((silent) => state('degraded', silent))).toEqual(['degraded', 'failed', 'failed']);
    expect(state('failed', 5)).toBe('active');
    // What it lost is not made good by a word, nor by an hour in which it said nothing.
    const lost = { losses_in_a_row: 4, lost_at: '2026-11-23T10:00:00Z' };
    expect(judge({ ...lost, state: 'degraded', silent_seconds: 7_000 })).toEqual({ state: 'failed', lossesInARow: 4, holdSeconds: null });
    expect(judge({ ...lost, state: 'failed', silent_seconds: 5, lost_at: '2026-11-23T11:59:00Z' })).toMatchObject({ state: 'degraded', lossesInARow: 4 });
    expect(judge({ ...lost, state: 'failed', silent_seconds: 5 })).toMatchObject({ state: 'active', lossesInARow: 0 });
  });

  it('that was switched off stays off', () => {
    expect(judge({ state: 'stopped', new_losses: 9 })).toEqual({ state: 'stopped', lossesInARow: 9, holdSeconds: null });
    expect(judge({ state: 'retired', succeeded_since: true }).state).toBe('retired');
  });
});

it('a worker is degraded after two leases of silence, and failed after four', () => {
  const after = (silent: number) => judgeWorker({ state: 'active', lease_seconds: 15, silent_seconds: silent });
  expect([0, 29, 30, 59, 60, 1000].map(after)).toEqual(['active', 'active', 'degraded', 'degraded', 'failed', 'failed']);
  expect(judgeWorker({ state: 'degraded', lease_seconds: 15, silent_seconds: 40 })).toBe('degraded');
});
