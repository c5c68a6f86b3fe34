import { describe, expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';
import { usd } from './money.ts';
import { humanDuration } from './time.ts';

describe('backoffMs', () => {
  test('doubles, with half of it random', () => {
    expect([1, 2, 3, 4].map((attempt) => backoffMs(attempt, 0))).toEqual([500, 1_000, 2_000, 4_000]);
    expect([1, 2, 3, 4].map((attempt) => backoffMs(attempt, 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  test('ends at its maximum, whatever the attempt', () => {
    expect(backoffMs(10_000, 1)).toBe(300_000);
    expect(backoffMs(3, 0.5, { baseMs: 10, maxMs: 20 })).toBe(15);
    expect(backoffMs(0, 0)).toBe(500);
  });
});

describe('usd', () => {
  test.each([
    [0, '$0.00'],
    [-1, '$0.00'],
    [Number.NaN, '$0.00'],
    [0.0004, '<$0.01'],
    [0.01, '$0.01'],
    [1.255, '$1.25'],
    [1234.5, '$1234.50'],
  ])('%d is %s', (amount, wanted) => {
    expect(usd(amount)).toBe(wanted);
  });
});

describe('humanDuration', () => {
  test.each([
    [0, '0 s'],
    [-5, '0 s'],
    [Number.POSITIVE_INFINITY, '0 s'],
    [0.2, '1 ms'],
    [999, '999 ms'],
    [12_400, '12 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
    [3_600_000 + 30_000, '1 h'],
    [86_400_000 * 3 + 3_600_000 * 4, '3 d 4 h'],
  ])('%d ms is %s', (ms, wanted) => {
    expect(humanDuration(ms)).toBe(wanted);
  });
});
