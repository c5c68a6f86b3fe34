import type { RunReport } from './run.ts';
import type { Finding } from './compare.ts';
import { FAMILIES } from './plan.ts';
import type { Fault } from './plan.ts';

function countBy(faults: readonly Fault[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { family, kind } of faults) {
    const key = `${family}: ${kind}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

export function planText(faults: readonly Fault[]): string {
  const rows = faults.map(({ family, kind, place, nth }) => `  ${family.padEnd(9)} ${kind.padEnd(28)} at ${place} ${nth}`);
  return [`${faults.length} faults are planned:`, ...rows].join('\n');
}

function injectedLines({ injected, missed }: RunReport): string[] {
  const done = countBy(injected.map(({ fault }) => fault));
  const left = countBy(missed);
  const names = [...new Set([...done.keys(), ...left.keys()])].toSorted();
  return names.map(
    (name) => `  ${name.padEnd(40)} ${String(done.get(name) ?? 0).padStart(4)}${left.has(name) ? `   (${left.get(name)} found no chance)` : ''}`,
  );
}

function findingLine({ kind, issue, what, expected, found }: Finding): string {
  return `  ${kind.toUpperCase()} ${issue === null ? '' : `#${issue} `}${what}: expected ${expected}, found ${found}`;
}

function countOf(findings: readonly Finding[], kind: Finding['kind']): number {
  return findings.filter((finding) => finding.kind === kind).length;
}

/** What happened last on the issues that are not as they must be. */
function eventLines({ world, findings }: RunReport): string[] {
  const numbers = new Set(findings.map(({ issue }) => issue));
  return world.issues
    .filter(({ number }) => numbers.has(number))
    .flatMap(({ number, name, last }) => [`  #${number} (${name}):`, ...last.map((line) => `    ${line}`)]);
}

export function repeatText({ options }: RunReport): string {
  const { seed, issues, minutes, database, families } = options;
  const only = families.length === FAMILIES.length ? '' : ` --only ${families.join(',') || 'none'}`;
  return `npm run chaos -- --seed ${seed} --issues ${issues} --minutes ${minutes} --database ${database}${only}`;
}

/** Everything that speaks against a run, beside what the comparison found. */
function complaints(report: RunReport): string[] {
  return [
    ...report.stuck.map((line) => `STUCK ${line}`),
    ...report.owed.map((name) => `UNTRIED ${name}`),
    ...report.proof.unseen.map((name) => `BLIND the comparison does not see ${name}`),
  ];
}

export function holds(report: RunReport): boolean {
  return report.findings.length === 0 && complaints(report).length === 0;
}

/** What a run met, what was compared, and what is not as it must be. */
export function reportText(report: RunReport): string {
  const { world, findings, proof, injected, seconds, options } = report;
  const total = (pick: (issue: RunReport['world']['issues'][number]) => number) => world.issues.reduce((sum, issue) => sum + pick(issue), 0);
  const unrecorded = world.answers.length - world.recorded.length;
  return [
    `seed ${options.seed}, ${options.database}: ${world.issues.length} issues, ${injected.length} faults, ${seconds} s`,
    'met:',
    ...injectedLines(report),
    'compared:',
    `  issues ${world.issues.length}, comments ${total((issue) => issue.markers.length)}, commits ${total((issue) => issue.commits.length)}, pull requests ${total((issue) => issue.pulls.length)}, checks ${total((issue) => issue.checks.length)}, reviews ${total((issue) => issue.reviews.length)}`,
    `  deliveries ${world.deliveries.length} of ${world.sent.length} sent, tasks ${world.tasks.length}, effects ${world.effects.length}`,
    `  answers of the model ${world.answers.length}, recorded ${world.recorded.length}${unrecorded > 0 ? `; ${unrecorded} were struck before they could be` : ''}`,
    `  bent in ${proof.tried} ways, the comparison saw ${proof.tried - proof.unseen.length}`,
    ...complaints(report).map((line) => `  ${line}`),
    ...findings.map(findingLine),
    ...eventLines(report),
    `lost ${countOf(findings, 'lost')}, doubled ${countOf(findings, 'doubled')}, wrong ${countOf(findings, 'wrong')}`,
  ].join('\n');
}
