import { spawn } from 'node:child_process';
import { BanyanError } from '../kernel/errors.ts';

export interface CommandOptions {
  cwd: string;
  env: Record<string, string | undefined>;
  /** Ends the command, and whatever it has started. */
  signal?: AbortSignal;
}

export interface CommandResult {
  code: number;
  /** What went to both of its outputs, in their order. */
  output: string;
}

/** npm's own notes to its scripts: another npm below would take them for its project's. */
const OF_THE_OUTER_NPM =
  /^npm_(?:package_|lifecycle_|command$|execpath$|node_execpath$|config_(?:local_prefix|global_prefix|prefix|noproxy|npm_version|node_gyp|user_agent)$)|^INIT_CWD$/;
/** Set where the command runs in a hook of git: the child's repository is another one. */
const OF_THE_OUTER_GIT = /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|PREFIX|NAMESPACE)$/;

/** The environment for commands in a child: the person's own, without what concerns the project where this was started. */
export function childEnvironment(env: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OF_THE_OUTER_NPM.test(name) && !OF_THE_OUTER_GIT.test(name)));
}

const KILL_AFTER_MS = 3_000;

/** A group of its own: Ctrl-C at the terminal goes to us alone, and we end the whole group. */
const OWN_GROUP = process.platform !== 'win32';

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(OWN_GROUP ? -pid : pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

export function cancelled(): BanyanError {
  return new BanyanError('conflict', 'Stopped.', { data: { stopped: true } });
}

/**
 * Runs a command without a terminal and waits for its end.
 * @throws BanyanError `not_found` where there is no such command, `conflict` when the signal ends it
 */
export function runCommand(command: string, args: readonly string[], { cwd, env, signal }: CommandOptions): Promise<CommandResult> {
  if (signal?.aborted) return Promise.reject(cancelled());
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: OWN_GROUP });
    let output = '';
    const take = (chunk: string) => {
      output = (output + chunk).slice(-200_000);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    let killer: NodeJS.Timeout | undefined;
    const stop = () => {
      endGroup(child.pid, 'SIGTERM');
      killer = setTimeout(() => endGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS);
    };
    signal?.addEventListener('abort', stop, { once: true });
    const done = () => {
      signal?.removeEventListener('abort', stop);
      clearTimeout(killer);
    };
    child.on('error', (cause) => {
      done();
      reject(new BanyanError('not_found', `${command} cannot be started: ${cause.message}`, { fix: `Install ${command}, or put it on the PATH.`, cause }));
    });
    child.on('close', (code, by) => {
      done();
      if (signal?.aborted) {
        endGroup(child.pid, 'SIGKILL');
        reject(cancelled());
      } else resolve({ code: code ?? 1, output: by ? `${output}\nended by ${by}` : output });
    });
  });
}

/** The end of a long output: what failed stands there. */
export function tailOf(output: string, lines = 25): string {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}
