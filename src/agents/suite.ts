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
  /** Why the suite could not be run at all, through no fault of the change; null where it was run. */
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

/** How Node's runner, unittest and pytest say that they found nothing to run; some of them call that a success. */
const NO_TESTS = /^(?:# tests 0|\u2139 tests 0|Ran 0 tests in .*|=+ no tests ran in .*)$/m;

function blockedBy(step: Step, result: SandboxResult): string | null {
  if (step.kind === 'test' && NO_TESTS.test(result.output)) return `it found no tests to run (\`${step.command}\`)`;
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
  if (run.blocked !== null) return `not run: ${run.blocked}`;
  const how = run.passed ? 'passed' : run.timedOut ? 'ran out of time' : `failed with exit code ${run.exitCode}`;
  return `\`${run.command}\` ${how} (${run.seconds} s)`;
}
