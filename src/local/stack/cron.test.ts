import { describe, expect, it } from 'vitest';
import { cronMatches } from './cron.ts';

const at = (text: string) => new Date(`${text}Z`);

describe('cronMatches', () => {
  it.each([
    ['* * * * *', '2026-11-21T08:17:30', true],
    ['*/5 * * * *', '2026-11-21T08:15:00', true],
    ['*/5 * * * *', '2026-11-21T08:17:00', false],
    ['0 3 * * 1-5', '2026-11-20T03:00:00', true],
    ['0 3 * * 1-5', '2026-11-21T03:00:00', false],
    ['10,40 8 21 11 6', '2026-11-21T08:40:00', true],
    ['5/20 * * * *', '2026-11-21T08:45:00', true],
    ['5/20 * * * *', '2026-11-21T08:40:00', false],
  ])('%s at %s is %s', (expression, time, expected) => {
    expect(cronMatches(expression, at(time))).toBe(expected);
  });

  it('refuses what it does not know', () => {
    expect(() => cronMatches('* * * *', new Date())).toThrow('five fields');
    expect(() => cronMatches('* * * JAN *', new Date())).toThrow('"JAN"');
  });
});
