import { detectCommands } from '../context/test-files.ts';
import type { Workspace } from '../context/workspace.ts';
import type { TaskSession } from '../engine/session.ts';
import { truncateMiddle } from '../kernel/text.ts';

/** What one run of the repository's own tests showed. Kept as evidence with the conversation, so it is plain JSON. */
export type SuiteRun = {
  command: string;
  passed: boolean;
  exitCode: number;
  timedOut: boolean;
  seconds: number;
  /** The end of the output matters most: summaries stand there. */
  output: string;
};

const OUTPUT_CHARS = 12_000;

/** The repository's commands: what its configuration says, else what its manifest says. */
async function commandsOf(session: TaskSession) {
  return { ...detectCommands(await session.tree()), ...session.config.commands };
}

/** Runs install (where configured or detected) and tests in one workspace; null where the repository has no tests to run. */
export async function runSuite(session: TaskSession, workspace: Workspace): Promise<SuiteRun | null> {
  const { install, test } = await commandsOf(session);
  if (!test) return null;
  const timeoutSeconds = session.config.limits.commandTimeoutSeconds;
  const started = Date.now();
  for (const command of [install, test].filter((candidate) => candidate !== undefined)) {
    const result = await workspace.run({ command, timeoutSeconds, signal: session.signal });
    if (result.exitCode === 0 && command !== test) continue;
    return {
      command,
      passed: result.exitCode === 0,
      exitCode: result.exitCode,
      timedOut: result.timedOut,
      seconds: Math.round((Date.now() - started) / 100) / 10,
      output: truncateMiddle(result.output, OUTPUT_CHARS),
    };
  }
  return null;
}

export function describeSuite(run: SuiteRun): string {
  const how = run.passed ? 'passed' : run.timedOut ? 'ran out of time' : `failed with exit code ${run.exitCode}`;
  return `\`${run.command}\` ${how} (${run.seconds} s)`;
}
