import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BanyanError } from '../../kernel/errors.ts';
import { bubblewrapInvocation } from './bubblewrap.ts';
import type { Invocation, IsolationPlan } from './plan.ts';
import { seatbeltInvocation } from './seatbelt.ts';
import { unsafeInvocation } from './unsafe.ts';
import { unshareInvocation } from './unshare.ts';

export type LocalWay = 'bubblewrap' | 'unshare' | 'seatbelt' | 'unsafe';

/** Turns a plan into the command line of the chosen way. */
export type Isolate = (plan: IsolationPlan) => Invocation;

const run = promisify(execFile);

async function works(file: string, args: string[]): Promise<boolean> {
  return run(file, args, { timeout: 5_000 }).then(
    () => true,
    () => false,
  );
}

/** Not only installed but allowed: containers and hardened kernels refuse namespaces. */
async function probe(way: LocalWay): Promise<boolean> {
  const namespaces = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  switch (way) {
    case 'bubblewrap':
      return works('bwrap', ['--unshare-ipc', '--unshare-pid', '--unshare-net', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', 'true']);
    case 'unshare':
      return works('unshare', [
        ...namespaces,
        '--mount',
        '--pid',
        '--net',
        '--ipc',
        '--uts',
        '--fork',
        '--mount-proc',
        'setpriv',
        '--no-new-privs',
        'prlimit',
        'true',
      ]);
    case 'seatbelt':
      return process.platform === 'darwin' && works('/usr/bin/sandbox-exec', ['-p', '(version 1)(allow default)', 'true']);
    case 'unsafe':
      return true;
  }
}

async function bubblewrapIsolate(): Promise<Isolate> {
  const { stdout } = await run('bwrap', ['--help']);
  const canDisableUserns = stdout.includes('--disable-userns');
  return (plan) => bubblewrapInvocation(plan, canDisableUserns);
}

async function isolateOf(way: LocalWay): Promise<Isolate> {
  switch (way) {
    case 'bubblewrap':
      return bubblewrapIsolate();
    case 'unshare':
      return unshareInvocation;
    case 'seatbelt':
      return seatbeltInvocation;
    case 'unsafe':
      return unsafeInvocation;
  }
}

function fixFor(way: LocalWay | undefined): string {
  if (process.platform === 'darwin') return 'Allow /usr/bin/sandbox-exec, or choose another sandbox (BANYAN_SANDBOX=vercel).';
  const wanted =
    way === 'unshare'
      ? 'util-linux (unshare, setpriv, prlimit, mount)'
      : 'bubblewrap (Debian, Ubuntu: `apt-get install bubblewrap`; Fedora: `dnf install bubblewrap`)';
  return (
    `Install ${wanted} and allow user namespaces (\`sysctl kernel.unprivileged_userns_clone=1\`; on Ubuntu 24.04 and newer ` +
    '`sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container run it with `--privileged`), or use BANYAN_SANDBOX=vercel. ' +
    'BANYAN_UNSAFE_LOCAL_SANDBOX=1 runs the commands of repositories without any wall: only for code that you wrote yourself.'
  );
}

/**
 * The first way that works here: bubblewrap, unshare, seatbelt; without a wall only where that was asked for.
 * @throws BanyanError `sandbox_unavailable`
 */
export async function detectIsolation(options: { way?: LocalWay; unsafe?: boolean }): Promise<{ way: LocalWay; isolate: Isolate }> {
  const candidates: LocalWay[] = options.way ? [options.way] : ['bubblewrap', 'unshare', 'seatbelt', ...(options.unsafe ? ['unsafe' as const] : [])];
  for (const way of candidates) {
    if (await probe(way)) return { way, isolate: await isolateOf(way) };
  }
  throw new BanyanError('sandbox_unavailable', `No sandbox works on this machine (tried ${candidates.join(', ')}), so code of repositories is not run.`, {
    retry: 'needs_human',
    fix: fixFor(options.way),
    data: { tried: candidates },
  });
}
