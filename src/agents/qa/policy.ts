import { quoteForComment, quoteForItem } from '../../domain/quote.ts';
import { findingsSignature } from '../../domain/signature.ts';
import type { Annotation, CheckReport } from '../../github/checks.ts';
import { codeBlock } from '../common.ts';
import type { QaResult } from '../results.ts';
import { describeSuite, standsUp } from '../suite.ts';
import type { SuiteRun } from '../suite.ts';

/** What code found out before the agent was asked: the suite on the head, and the new tests on the base. */
export type QaEvidence = {
  suite: SuiteRun | null;
  proof: { state: 'proven' | 'not_proven' | 'not_possible'; reason: string; run: SuiteRun | null };
  /** Test files that the change deletes, and whether the head has any left. */
  removedTests: { paths: string[]; noneLeft: boolean };
  /** Of the work on an update: files in which conflicts are left. */
  conflicts?: string[];
};

const SHOWN_PATHS = 20;

/** A change that leaves no test behind has silenced what could speak against it. */
function takesAllTests({ removedTests }: QaEvidence): boolean {
  return removedTests.paths.length > 0 && removedTests.noneLeft;
}

function conflictsLine({ conflicts = [] }: QaEvidence): string[] {
  return conflicts.length === 0 ? [] : [`- **error** Conflicts of the update are left in ${conflicts.map((path) => `\`${path}\``).join(', ')}. Resolve them.`];
}

function removedLine({ removedTests }: QaEvidence): string[] {
  const { paths, noneLeft } = removedTests;
  if (paths.length === 0) return [];
  const shown = paths.slice(0, SHOWN_PATHS).map((path) => `\`${path}\``);
  const names = `${shown.join(', ')}${paths.length > shown.length ? ` and ${paths.length - shown.length} more` : ''}`;
  return [
    noneLeft ? `- **error** The change removes every test of the repository (${names}). Put them back.` : `- **warning** The change removes tests: ${names}.`,
  ];
}

/** The verdict is code's: the agent can object to a suite that passes, it cannot talk away one that fails. */
export function verdict(result: QaResult, evidence: QaEvidence): boolean {
  return result.passed && standsUp(evidence.suite) && !takesAllTests(evidence) && (evidence.conflicts ?? []).length === 0;
}

const LEVELS = { error: 'failure', warning: 'warning', info: 'notice' } as const;

export function proofLine(evidence: QaEvidence): string {
  const words = { proven: 'Proven', not_proven: 'Not proven', not_possible: 'Proof not possible' };
  return `${words[evidence.proof.state]}: ${evidence.proof.reason}`;
}

function findingLines(result: QaResult): string[] {
  return result.findings.map((finding) => {
    const where = finding.path ? `\`${finding.path}${finding.line ? `:${finding.line}` : ''}\`: ` : '';
    return `- **${finding.severity}** ${where}${quoteForItem(finding.message)}`;
  });
}

/** A suite that could not be run, or ran no tests, proves nothing: neutral, and it says why. */
function conclusionOf(passed: boolean, { suite }: QaEvidence): 'success' | 'failure' | 'neutral' {
  if (!passed) return 'failure';
  return suite?.blocked ? 'neutral' : 'success';
}

const TITLES = { success: 'The change holds', failure: 'The change does not hold', neutral: 'Not proven: the suite could not be run or ran no tests' } as const;

export function checkReport(result: QaResult, evidence: QaEvidence, disclosure: string | null): CheckReport {
  const passed = verdict(result, evidence);
  const { suite } = evidence;
  const annotations: Annotation[] = result.findings
    .filter((finding) => finding.path !== null)
    .map((finding) => ({ path: finding.path ?? '', line: finding.line ?? 1, level: LEVELS[finding.severity], message: finding.message }));
  const summary = [
    quoteForComment(result.summary),
    '',
    `- Suite: ${suite ? describeSuite(suite) : 'the repository has no test command that I could find'}`,
    `- ${proofLine(evidence)}`,
    ...removedLine(evidence),
    ...conflictsLine(evidence),
    ...(result.findings.length > 0 ? ['', ...findingLines(result)] : []),
    ...(disclosure ? ['', `<sub>${disclosure}</sub>`] : []),
  ];
  return {
    conclusion: conclusionOf(passed, evidence),
    title: TITLES[conclusionOf(passed, evidence)],
    summary: summary.join('\n'),
    ...(suite ? { text: `Output of \`${suite.command}\` on the head:\n\n${codeBlock(suite.output)}` } : {}),
    annotations,
  };
}

/** What the Developer gets to work on: the findings, and the suite's own words where it failed. */
export function feedback(result: QaResult, evidence: QaEvidence): string {
  const { suite } = evidence;
  const parts = [result.summary, ...removedLine(evidence), ...conflictsLine(evidence), ...findingLines(result)];
  if (suite && !standsUp(suite)) parts.push(`${describeSuite(suite)}:\n${suite.output}`);
  return parts.join('\n');
}

/** Names what was found: the findings without their lines, and which command of the suite failed how. Null where there is nothing to compare. */
export function signatureOf(result: QaResult, evidence: QaEvidence): string | null {
  const { suite } = evidence;
  const failing = suite && !standsUp(suite) ? [{ command: suite.command, exitCode: `exit ${suite.exitCode}`, output: suite.output }] : [];
  return findingsSignature([...result.findings.map(({ path, severity, message }) => ({ path, severity, message })), ...failing]);
}
