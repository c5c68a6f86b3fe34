import { describe, expect, it } from 'vitest';
import { failureSignature, findingsSignature, normalizeFacts, normalizeText } from './signature.ts';

const FAILURE = { code: 'sandbox_failed', role: 'developer', phase: 'develop', facts: { status: 500, at: 'run in provider.ts' } };

describe('what is the same failure', () => {
  it.each([
    ['a number', 'exit code 7 after 12.5 s', 'exit code 9 after 3 s'],
    ['a uuid', 'task 0b6ef0a2-8d0b-4c39-9f5e-0f2ab1c3d4e5 ended', 'task 1c7ef0a2-8d0b-4c39-9f5e-0f2ab1c3d4e5 ended'],
    ['a commit', 'at 3f2c1ab', 'at 9e8d7c6b5a4f3f2c1ab0d9e8d7c6b5a4f3f2c1a'],
    ['a time', 'until 2026-11-21T12:30:01.123Z', 'until 2027-01-02T03:04:05Z'],
    ['a folder of one run', 'in /tmp/banyan-sandbox-x1Y2/work/a.ts', 'in /tmp/banyan-sandbox-Zz9/home'],
    ['a generated name', 'call_a81bc missing', 'call_77f missing'],
    ['case and white space', 'No  such\nFile', 'no such file'],
  ])('does not go by %s', (_what, one, other) => {
    expect(normalizeText(one)).toBe(normalizeText(other));
  });

  it.each([
    ['no such file src/a.ts', 'no such file src/b.ts'],
    ['assertion failed', 'assertion passed'],
    ['decade', 'facade'],
  ])('goes by what the words say: %s, %s', (one, other) => {
    expect(normalizeText(one)).not.toBe(normalizeText(other));
  });

  it('does not go by the order of facts', () => {
    expect(JSON.stringify(normalizeFacts({ b: [1, { d: null, c: true }], a: 'X' }))).toBe('{"a":"x","b":["#",{"c":true,"d":null}]}');
    expect(failureSignature(FAILURE)).toBe(failureSignature({ ...FAILURE, facts: { at: 'run in provider.ts', status: 502 } }));
  });

  it('goes by code, role, phase and facts', () => {
    const others = [
      { ...FAILURE, code: 'internal' },
      { ...FAILURE, role: 'qa' },
      { ...FAILURE, phase: 'qa' },
      { ...FAILURE, facts: { ...FAILURE.facts, at: 'open in provider.ts' } },
    ];
    expect(new Set([FAILURE, ...others].map(failureSignature)).size).toBe(5);
    expect(failureSignature(FAILURE)).toMatch(/^sandbox_failed\/developer\/develop\/[0-9a-f]{16}$/);
  });
});

describe('what are the same findings', () => {
  const one = { path: 'src/a.ts', severity: 'error', message: 'The sum is 4, not 5.' };
  const two = { path: 'src/b.ts', severity: 'warning', message: 'No test.' };

  it('does not go by order, repetition or numbers', () => {
    const again = { ...one, message: 'the sum is 7,  not 9.' };
    expect(findingsSignature([one, two])).toBe(findingsSignature([two, again, two]));
  });

  it('goes by what was found and where', () => {
    const sets = [[one], [two], [one, two], [{ ...one, path: 'src/c.ts' }], [{ ...one, message: 'The sum is missing.' }]];
    expect(new Set(sets.map(findingsSignature)).size).toBe(sets.length);
    expect(findingsSignature([])).toBeNull();
  });
});
