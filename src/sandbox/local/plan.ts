/** What a way of isolation is asked to do: plain data, so that the command lines can be tested without running them. */
export interface IsolationPlan {
  /** Host folders of this one sandbox. */
  folders: SandboxFolders;
  host: HostTools;
  limits: ProcessLimits;
  /** Unprivileged user to become where we run as root; null where we are an ordinary user already. */
  dropTo: number | null;
  /** Relative to the work folder, '.' for itself. */
  cwd: string;
  env: Record<string, string>;
  command: string;
}

export interface SandboxFolders {
  base: string;
  work: string;
  home: string;
  tmp: string;
  etc: string;
  /** Empty mount point for the new root. */
  root: string;
}

export interface HostTools {
  /** Prefix folder of the Node that runs us, or null where it lies in /usr. */
  node: string | null;
  /** Folder of npm where it is neither in /usr nor beside Node. */
  npm: string | null;
  /** /bin, /lib ...: either links into /usr or folders of their own. */
  system: { path: string; link: string | null }[];
  /** Folders below /etc that programs need to be found. */
  etcFolders: string[];
}

export interface ProcessLimits {
  memoryMb: number;
  fileMb: number;
  diskMb: number;
  processes: number;
}

export interface Invocation {
  file: string;
  args: string[];
}

/** Where things are inside; the same for every Linux way. */
export const INSIDE = { work: '/workspace', home: '/home/sandbox', tmp: '/tmp', node: '/opt/node', npm: '/opt/npm', tools: '/opt/tools' } as const;

export const READY = 'banyan-sandbox-ready';

/** The first process inside: says that the walls stand, joins both outputs in order, outlives the command and reaps what it leaves. */
const INIT = `echo ${READY} >&2; exec 2>&1; umask 022; cd -- "$1" || exit 126; sh -c "$2"; exit $?`;

/**
 * The end of every command line: limits, a fixed environment, the command.
 * `--data` and not `--as`: V8 reserves far more address space than it uses and would not start.
 */
export function limitedCommand(plan: IsolationPlan, workFolder: string): string[] {
  const { limits } = plan;
  const bytes = (mb: number) => mb * 1024 * 1024;
  return [
    'prlimit',
    `--nproc=${limits.processes}`,
    `--data=${bytes(limits.memoryMb)}`,
    `--fsize=${bytes(limits.fileMb)}`,
    '--nofile=8192',
    '--core=0',
    ...plainCommand(plan, workFolder),
  ];
}

/** Without prlimit, for systems that lack it. */
export function plainCommand(plan: IsolationPlan, workFolder: string): string[] {
  const env = Object.entries(plan.env).map(([name, value]) => `${name}=${value}`);
  const cwd = plan.cwd === '.' ? workFolder : `${workFolder}/${plan.cwd}`;
  return ['env', '-i', ...env, 'sh', '-c', INIT, 'sandbox', cwd, plan.command];
}

/** Root gives up its user, its groups and every capability; `--pdeathsig` again, because changing the user clears it. */
export function dropPrivileges(plan: IsolationPlan): string[] {
  if (plan.dropTo === null) return ['setpriv', '--no-new-privs'];
  const id = String(plan.dropTo);
  return [
    ...['setpriv', '--pdeathsig', 'KILL', '--reuid', id, '--regid', id, '--clear-groups'],
    ...['--bounding-set', '-all', '--inh-caps', '-all', '--no-new-privs'],
  ];
}
