/** What the steps of the test child share: where they work, and how they run commands there. */
import { delimiter, dirname, join } from 'node:path';
import { packageRoot } from '../../../src/kernel/package-root.ts';
import { childEnvironment, runCommand, tailOf } from '../../../src/spawn/command.ts';

export interface Stage {
  scratch: string;
  /** The package of this checkout. */
  tarball: string;
  env: Record<string, string | undefined>;
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Runs a command in a folder. @throws where it does not end as `wanted` */
  run(cwd: string, command: string[], wanted?: number): Promise<string>;
  /** This checkout's `banyan`, in a folder. */
  banyan(cwd: string, args: string[], wanted?: number): Promise<string>;
}

const LIMIT_MS = 10 * 60_000;

export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const began = Date.now();
  const seconds = () => ((Date.now() - began) / 1000).toFixed(1).padStart(6);
  try {
    const result = await work();
    console.log(`${seconds()} s  ${name}`);
    return result;
  } catch (error) {
    console.log(`${seconds()} s  ${name}: FAILED`);
    throw error;
  }
}

export function makeStage(scratch: string): Omit<Stage, 'tarball'> {
  const root = packageRoot();
  const signal = AbortSignal.timeout(LIMIT_MS);
  // The Node of the lock file, also for npm; no provider's key of this machine reaches the child.
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  const own = Object.entries(childEnvironment(process.env)).filter(
    ([name]) => !/^(?:BANYAN_|OPENAI_|ANTHROPIC_|GITHUB_|GH_TOKEN|SUPABASE_|DATABASE_URL|VITEST|NODE_ENV$|CI$)/.test(name),
  );
  const env = { ...Object.fromEntries(own), PATH: path, NO_COLOR: '1', npm_config_update_notifier: 'false' };
  const run: Stage['run'] = async (cwd, [command = '', ...args], wanted = 0) => {
    const { code, output } = await runCommand(command, args, { cwd, env, signal });
    if (code !== wanted) throw new Error(`${command} ${args.join(' ')} ended with ${code}, not ${wanted}:\n${tailOf(output, 60)}`);
    return output;
  };
  return { scratch, env, step, run, banyan: (cwd, args, wanted) => run(cwd, [process.execPath, join(root, 'scripts/banyan.js'), ...args], wanted) };
}
