import { execFile } from 'node:child_process';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { INSIDE, type HostTools, type IsolationPlan } from './plan.ts';

const run = promisify(execFile);

const SYSTEM_FOLDERS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** Public certificates and the links by which Debian chooses among programs; no keys. */
const ETC_FOLDERS = ['/etc/alternatives', '/etc/ssl/certs', '/etc/pki/tls/certs', '/etc/ld.so.conf.d'];

const ETC_FILES = ['ld.so.cache', 'ld.so.conf', 'nsswitch.conf', 'protocols', 'services', 'os-release', 'localtime', 'mime.types', 'ssl/openssl.cnf'];

async function systemEntry(path: string): Promise<HostTools['system'][number][]> {
  try {
    return [{ path, link: (await lstat(path)).isSymbolicLink() ? await readlink(path) : null }];
  } catch {
    return [];
  }
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (stat) => stat.isDirectory(),
    () => false,
  );
}

function isSystemPath(path: string): boolean {
  return path.startsWith('/usr/') || SYSTEM_FOLDERS.some((folder) => path.startsWith(`${folder}/`));
}

/** The folder of npm, found by way of the shell's PATH; null where there is none or where it can be seen inside anyway. */
async function findNpm(nodePrefix: string | null): Promise<string | null> {
  try {
    const { stdout } = await run('sh', ['-c', 'command -v npm']);
    const folder = dirname(dirname(await realpath(stdout.trim())));
    const isVisible = isSystemPath(folder) || (nodePrefix !== null && folder.startsWith(`${nodePrefix}/`));
    return isVisible || !folder.endsWith('/npm') ? null : folder;
  } catch {
    return null;
  }
}

/** What of this machine is shown inside: the system's programs and the Node that runs us, nothing else. */
export async function findHostTools(): Promise<HostTools> {
  const executable = await realpath(process.execPath);
  const node = isSystemPath(executable) ? null : dirname(dirname(executable));
  const etcFolders = await Promise.all(ETC_FOLDERS.map(async (path) => ((await isFolder(path)) ? [path] : [])));
  return {
    node,
    npm: await findNpm(node),
    system: (await Promise.all(SYSTEM_FOLDERS.map(systemEntry))).flat(),
    etcFolders: etcFolders.flat(),
  };
}

/** A small /etc of the sandbox's own: one user, no host names, no accounts of this machine. */
export async function writeEtc(folder: string, user: number, etcFolders: string[]): Promise<void> {
  await mkdir(join(folder, 'ssl'), { recursive: true });
  await Promise.all([
    ...ETC_FILES.map((name) => copyFile(join('/etc', name), join(folder, name)).catch(() => undefined)),
    ...etcFolders.map((path) => mkdir(join(folder, path.slice('/etc/'.length)), { recursive: true })),
    writeFile(join(folder, 'passwd'), `root:x:0:0:root:/root:/usr/sbin/nologin\nsandbox:x:${user}:${user}:sandbox:${INSIDE.home}:/bin/sh\n`),
    writeFile(join(folder, 'group'), `root:x:0:\nsandbox:x:${user}:\n`),
    writeFile(join(folder, 'hosts'), '127.0.0.1 localhost sandbox\n::1 localhost\n'),
    writeFile(join(folder, 'hostname'), 'sandbox\n'),
  ]);
  // Whatever our umask is: the sandbox's user is another one and must be able to read it.
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  await Promise.all(entries.map((entry) => chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644)));
  await chmod(folder, 0o755);
}

/** The whole environment of a command; nothing of ours is passed on. */
export function fixedEnvironment(plan: Pick<IsolationPlan, 'folders' | 'host'>, isMapped: boolean): Record<string, string> {
  const { host, folders } = plan;
  const mapped = [INSIDE.node + '/bin', INSIDE.tools];
  const unmapped = [host.node && `${host.node}/bin`, host.npm && `${host.npm}/bin`].filter((path) => path !== null);
  return {
    PATH: [...(isMapped ? mapped : unmapped), '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'].join(':'),
    HOME: isMapped ? INSIDE.home : folders.home,
    TMPDIR: isMapped ? INSIDE.tmp : folders.tmp,
    USER: 'sandbox',
    LANG: 'C.UTF-8',
    CI: 'true',
    NO_COLOR: '1',
    NO_UPDATE_NOTIFIER: '1',
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    GIT_TERMINAL_PROMPT: '0',
  };
}
