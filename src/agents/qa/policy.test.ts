import { describe, expect, it } from 'vitest';
import type { QaResult } from '../results.ts';
import type { SuiteRun } from '../suite.ts';
import { checkReport, feedback, proofLine, verdict } from './policy.ts';
import type { QaEvidence } from './policy.ts';

const PASSED: SuiteRun = { command: 'npm test', passed: true, exitCode: 0, timedOut: false, seconds: 1.2, output: 'ok 1', blocked: null };
const FAILED: SuiteRun = { ...PASSED, passed: false, exitCode: 1, output: 'not ok 1 - sums\n```\nfence' };
const BLOCKED: SuiteRun = { ...FAILED, exitCode: 127, blocked: 'the sandbox has no such command (`npm test`)' };
const HAPPY: QaResult = { passed: true, summary: 'It holds.', findings: [] };

function evidence(suite: SuiteRun | null, state: QaEvidence['proof']['state'] = 'proven'): QaEvidence {
  return { suite, proof: { state, reason: 'because.', run: null }, removedTests: { paths: [], noneLeft: false } };
}

describe('the verdict', () => {
  it.each([
    ['a content agent and a suite that passes', HAPPY, PASSED, true],
    ['a content agent and a suite that fails', HAPPY, FAILED, false],
    ['an agent that objects to a suite that passes', { ...HAPPY, passed: false }, PASSED, false],
    ['a content agent where there is no suite', HAPPY, null, true],
    ['a content agent where the suite could not be run', HAPPY, BLOCKED, true],
    ['an agent that objects where the suite could not be run', { ...HAPPY, passed: false }, BLOCKED, false],
  ])('of %s', (_name, result, suite, expected) => {
    expect(verdict(result, evidence(suite))).toBe(expected);
  });
});

describe('tests that the change deletes', () => {
  const without = (noneLeft: boolean): QaEvidence => ({ ...evidence(PASSED), removedTests: { paths: ['test/a.test.js'], noneLeft } });

  it('fail it by code where none is left, whatever the agent says', () => {
    expect(verdict(HAPPY, without(true))).toBe(false);
    expect(checkReport(HAPPY, without(true), null)).toMatchObject({ conclusion: 'failure' });
    expect(feedback(HAPPY, without(true))).toContain('removes every test of the repository (`test/a.test.js`)');
  });

  it('fail it also where the suite then finds nothing to run', () => {
    const blocked = { ...PASSED, blocked: 'no tests were run (`npm test` found none)' };
    expect(checkReport(HAPPY, { ...without(true), suite: blocked }, null)).toMatchObject({ conclusion: 'failure', title: 'The change does not hold' });
    expect(checkReport(HAPPY, { ...without(false), suite: blocked }, null)).toMatchObject({
      conclusion: 'neutral',
      title: 'Not proven: the suite could not be run or ran no tests',
    });
  });

  it('are named up to a limit, and counted beyond it', () => {
    const paths = Array.from({ length: 25 }, (_, index) => `test/${index}.test.js`);
    expect(feedback(HAPPY, { ...evidence(PASSED), removedTests: { paths, noneLeft: true } })).toContain('`test/19.test.js` and 5 more)');
  });

  it('are named where others are left', () => {
    expect(verdict(HAPPY, without(false))).toBe(true);
    expect(checkReport(HAPPY, without(false), null).summary).toContain('The change removes tests: `test/a.test.js`');
  });
});

describe('conflicts of an update', () => {
  const left = { ...evidence(PASSED), conflicts: ['a.js'] };

  it('that are left fail it by code, whatever the agent says', () => {
    expect(verdict(HAPPY, { ...left, conflicts: [] })).toBe(true);
    expect(verdict(HAPPY, left)).toBe(false);
    expect(checkReport(HAPPY, left, null)).toMatchObject({ conclusion: 'failure' });
    expect(feedback(HAPPY, left)).toContain('Conflicts of the update are left in `a.js`.');
  });
});

describe('the check', () => {
  it('says success, failure or neutral, never more than was shown', () => {
    expect(checkReport(HAPPY, evidence(PASSED), null)).toMatchObject({ conclusion: 'success', title: 'The change holds' });
    expect(checkReport(HAPPY, evidence(FAILED), null)).toMatchObject({ conclusion: 'failure', title: 'The change does not hold' });
    expect(checkReport(HAPPY, evidence(BLOCKED), null)).toMatchObject({ conclusion: 'neutral' });
    expect(checkReport(HAPPY, evidence(null), null).summary).toContain('no test command that I could find');
  });

  it.each([
    ['proven' as const, 'Proven: because.'],
    ['not_proven' as const, 'Not proven: because.'],
    ['not_possible' as const, 'Proof not possible: because.'],
  ])('shows the proof: %s', (state, line) => {
    expect(proofLine(evidence(PASSED, state))).toBe(line);
    expect(checkReport(HAPPY, evidence(PASSED, state), null).summary).toContain(`- ${line}`);
  });

  it('puts findings with a file at their line and lists them all', () => {
    const report = checkReport(
      {
        ...HAPPY,
        passed: false,
        findings: [
          { path: 'a.js', line: 3, severity: 'error', message: 'Wrong.' },
          { path: 'b.js', line: null, severity: 'info', message: 'Odd.' },
          { path: null, line: null, severity: 'warning', message: 'Slow, @maintainer <!-- banyan:x:1 -->' },
        ],
      },
      evidence(PASSED),
      'Scripted.',
    );
    expect(report.annotations).toEqual([
      { path: 'a.js', line: 3, level: 'failure', message: 'Wrong.' },
      { path: 'b.js', line: 1, level: 'notice', message: 'Odd.' },
    ]);
    expect(report.summary).toContain('- **error** `a.js:3`: Wrong.');
    expect(report.summary).toContain('- **warning** Slow, @\u200bmaintainer &lt;!--');
    expect(report.summary).toContain('<sub>Scripted.</sub>');
  });

  it('shows the output of the suite in a block that the output cannot close', () => {
    expect(checkReport(HAPPY, evidence(FAILED), null).text).toContain('````\nnot ok 1 - sums\n```\nfence\n````');
  });
});

describe('what the Developer gets', () => {
  it('is the findings, and the words of the suite only where it failed', () => {
    const result: QaResult = { passed: false, summary: 'No.', findings: [{ path: 'a.js', line: 3, severity: 'error', message: 'Wrong.' }] };
    expect(feedback(result, evidence(PASSED))).toBe('No.\n- **error** `a.js:3`: Wrong.');
    expect(feedback(result, evidence(FAILED))).toContain('`npm test` failed with exit code 1 (1.2 s):\nnot ok 1 - sums');
  });
});
