import { plainCommand, type Invocation, type IsolationPlan } from './plan.ts';

function quote(path: string): string {
  return `"${path.replace(/[\\"]/g, (char) => `\\${char}`)}"`;
}

/** Deny by default; the system is readable, only the sandbox's own folders are writable, and there is no network. */
export function seatbeltProfile(plan: Pick<IsolationPlan, 'folders' | 'host'>): string {
  const { folders, host } = plan;
  const readable = ['/usr', '/bin', '/sbin', '/System', '/Library/Developer', '/Library/Apple', '/opt/homebrew', '/private/etc/ssl', '/private/var/db/dyld'];
  const tools = [host.node, host.npm].filter((path) => path !== null);
  const writable = [folders.work, folders.home, folders.tmp];
  return [
    '(version 1)',
    '(deny default)',
    '(allow process-fork process-exec signal sysctl-read mach-lookup ipc-posix-sem)',
    '(allow file-read-metadata)',
    '(allow file-read* (literal "/") (literal "/dev/null") (literal "/dev/zero") (literal "/dev/random") (literal "/dev/urandom"))',
    `(allow file-read* ${[...readable, ...tools, ...writable].map((path) => `(subpath ${quote(path)})`).join(' ')})`,
    `(allow file-write* ${writable.map((path) => `(subpath ${quote(path)})`).join(' ')})`,
    '(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))',
  ].join('\n');
}

/** macOS. There is no prlimit: file size and processes are limited by the shell's own ulimit, memory by the watcher. */
export function seatbeltInvocation(plan: IsolationPlan): Invocation {
  const limits = `ulimit -c 0; ulimit -f ${plan.limits.fileMb * 2048}; ulimit -n 8192; exec "$@"`;
  return {
    file: '/usr/bin/sandbox-exec',
    args: ['-p', seatbeltProfile(plan), 'sh', '-c', limits, 'sandbox', ...plainCommand(plan, plan.folders.work)],
  };
}
