import { stripVTControlCharacters } from 'node:util';
import { detectCommands } from '../context/test-files.ts';
import type { RepositoryCommands } from '../context/test-files.ts';
import type { Workspace } from '../context/workspace.ts';
import type { TaskSession } from '../engine/session.ts';
import { truncateMiddle } from '../kernel/text.ts';
import type { SandboxResult } from '../sandbox/types.ts';

/** What one run of the repository's own checks showed. Kept as evidence with the conversation, so it is plain JSON. */
export type SuiteRun = {
  /** The command that failed, or the last one where all passed. */
  command: string;
  passed: boolean;
  exitCode: number;
  timedOut: boolean;
  seconds: number;
  /** Head and tail; summaries stand at the end. */
  output: string;
  /** Why the suite shows nothing for or against the change: it could not be run, or ran no tests; null where it was run. */
  blocked: string | null;
};

const OUTPUT_CHARS = 12_000;
/** The shell's own: there is no such command, or it cannot be executed. */
const NO_COMMAND = [126, 127];

interface Step {
  kind: keyof RepositoryCommands;
  command: string;
}

/**
 * What is run, in order. Install and test are found out where nobody configured them; lint and build are run only where the
 * repository says so: many keep scripts of that name that do something else.
 */
async function stepsOf(session: TaskSession, scope: 'all' | 'tests'): Promise<Step[]> {
  const detected = detectCommands(await session.tree());
  const configured = session.config.commands;
  const all: [Step['kind'], string | undefined][] = [
    ['install', configured.install ?? detected.install],
    ['build', configured.build],
    ['lint', scope === 'all' ? configured.lint : undefined],
    ['test', configured.test ?? detected.test],
  ];
  return all.flatMap(([kind, command]) => (command === undefined ? [] : [{ kind, command }]));
}

/** How unittest (from 3.12 on) and pytest end where they found nothing to run; the runner of Node and older unittests end with success. */
const NO_TESTS_EXIT = 5;
/** Node's runner (TAP and spec), unittest, pytest: how many tests were run. */
const COUNTS = /^(?:# tests (\d+)|\u2139 tests (\d+)|Ran (\d+) tests? in .*|(?:=+ )?no tests ran in .*|(?:=+ )?(\d+) (?:passed|failed|errors?)\b.*)\s*$/gm;

/**
 * True where all that counted their tests in this output counted none: one empty package among others says nothing. A failure with
 * any other exit code stays one: what a test prints must not talk it away.
 */
function ranNoTests({ exitCode, output }: SandboxResult): boolean {
  if (exitCode !== 0 && exitCode !== NO_TESTS_EXIT) return false;
  const counts = [...stripVTControlCharacters(output).matchAll(COUNTS)].map((match) => Number(match.slice(1).find((group) => group !== undefined) ?? 0));
  return counts.length > 0 && counts.every((count) => count === 0);
}

function blockedBy(step: Step, result: SandboxResult): string | null {
  if (step.kind === 'test' && ranNoTests(result)) return `no tests were run (\`${step.command}\` found none)`;
  if (result.exitCode === 0) return null;
  if (step.kind === 'install') return `the dependencies could not be installed in the sandbox (\`${step.command}\`)`;
  if (step.kind !== 'test') return null;
  return NO_COMMAND.includes(result.exitCode) ? `the sandbox has no such command (\`${step.command}\`)` : null;
}

/** Runs the repository's checks in one workspace until the first that fails; null where it has no tests to run. */
export async function runSuite(session: TaskSession, workspace: Workspace, scope: 'all' | 'tests' = 'all'): Promise<SuiteRun | null> {
  const steps = await stepsOf(session, scope);
  if (!steps.some((step) => step.kind === 'test')) return null;
  const started = Date.now();
  let last: SuiteRun | null = null;
  for (const step of steps) {
    const result = await workspace.run({
      command: step.command,
      timeoutSeconds: session.config.limits.commandTimeoutSeconds,
      signal: session.signal,
      network: step.kind === 'install' ? 'registries' : 'none',
    });
    last = {
      command: step.command,
      passed: result.exitCode === 0,
      exitCode: result.exitCode,
      timedOut: result.timedOut,
      seconds: Math.round((Date.now() - started) / 100) / 10,
      output: truncateMiddle(result.output, OUTPUT_CHARS),
      blocked: blockedBy(step, result),
    };
    if (!last.passed) return last;
  }
  return last;
}

/** True where nothing speaks against the change: the suite passed, could not be run, or there is none. */
export function standsUp(run: SuiteRun | null): boolean {
  return run === null || run.passed || run.blocked !== null;
}

export function describeSuite(run: SuiteRun): string {
  if (run.blocked !== null) return `nothing shown: ${run.blocked}`;
  const how = run.passed ? 'passed' : run.timedOut ? 'ran out of time' : `failed with exit code ${run.exitCode}`;
  return `\`${run.command}\` ${how} (${run.seconds} s)`;
}
