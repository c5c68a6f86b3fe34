import { z } from 'zod';
import type { AgentTool } from './tool.ts';

const schema = z.object({
  command: z.string().min(1).max(20_000).describe('A shell command, run by sh in the root of the repository'),
  timeout_seconds: z.number().int().min(1).optional().describe('Seconds until it is killed; there is an upper limit'),
});

export const runCommand: AgentTool<typeof schema> = {
  name: 'run_command',
  description:
    'Run a shell command in a sandbox that has the repository with your changes: tests, linters, builds. There is no network and no secret. ' +
    'Files that it changes become part of your changes, except what .gitignore excludes and protected files. It starts fresh: nothing goes on in the background.',
  schema,
  permission: 'run',
  async execute({ command, timeout_seconds }, context) {
    const { workspace, signal, limits } = context;
    const timeoutSeconds = Math.min(timeout_seconds ?? limits.commandTimeoutSeconds, limits.commandTimeoutSeconds);
    const result = await workspace.run({ command, timeoutSeconds, maxOutputBytes: Math.max(limits.maxOutputBytes - 200, 200), signal });
    if (result.refused?.length) context.noteRefusal('path_protected');
    const ending = result.timedOut ? `killed after ${timeoutSeconds} seconds (exit code ${result.exitCode})` : `exit code ${result.exitCode}`;
    const output = result.output.trimEnd();
    return `${ending}, ${(result.durationMs / 1000).toFixed(1)} s\n${output === '' ? '(no output)' : output}`;
  },
};
