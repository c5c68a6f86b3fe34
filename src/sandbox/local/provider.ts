import { execFile } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BanyanError } from '../../kernel/errors.ts';
import { isAlive } from '../../kernel/process.ts';
import { cleanPath } from '../paths.ts';
import { createTurns } from '../turns.ts';
import type { Sandbox, SandboxCommand, SandboxOptions, SandboxProvider } from '../types.ts';
import { detectIsolation, type Isolate, type LocalWay } from './detect.ts';
import { execute } from './execute.ts';
import { createWorkFolder } from './files.ts';
import { findHostTools, fixedEnvironment, writeEtc } from './host.ts';
import type { HostTools, ProcessLimits, SandboxFolders } from './plan.ts';
import { MOUNT_TABLE_FILE, mountTable } from './unshare.ts';
import { createWatcher } from './watch.ts';

export interface LocalSandboxOptions {
  /** Forces one way; otherwise the first that works: bubblewrap, unshare, seatbelt. */
  way?: LocalWay;
  /** Go on without any wall where none can be built. Off unless the owner says so. */
  unsafe?: boolean;
  /** Where work folders are made; the system's temp folder when absent. */
  folder?: string;
  limits?: Partial<ProcessLimits>;
}

interface Machine {
  way: LocalWay;
  isolate: Isolate;
  host: HostTools;
}

const DEFAULT_LIMITS: ProcessLimits = { memoryMb: 2_048, fileMb: 256, diskMb: 1_024, processes: 512 };

/** Kept below 2^16, which is all that root of a container may have. */
const USERS = { first: 20_000, last: 60_000 } as const;

/**
 * Runs commands on this machine, walled off by the system's own means. Found out once, at the first sandbox.
 * The walls leave no network at all, also where a command asks for the registries: to let some hosts through and no others takes a
 * proxy that can be trusted with it, which the systems do not bring.
 */
export function createLocalSandboxProvider(options: LocalSandboxOptions = {}): SandboxProvider {
  let machine: Promise<Machine> | null = null;
  const parent = options.folder ?? tmpdir();
  const look = async (): Promise<Machine> => {
    await removeAbandoned(parent);
    return { ...(await detectIsolation(options)), host: await findHostTools() };
  };
  return {
    name: 'local',
    reachesRegistries: false,
    async create(request) {
      request.signal?.throwIfAborted();
      machine ??= look();
      // A failed look is not kept: the owner may install what is missing while we run.
      const found = await machine.catch((error: unknown) => {
        machine = null;
        throw error;
      });
      return openSandbox(found, request, { ...options, folder: parent });
    },
    // The process that made a folder stands in it: no name is needed to know whether somebody works there.
    sweep: () => removeAbandoned(parent),
  };
}

/** Commands may have taken our rights to their own folders away; as an ordinary user that must be undone first. */
async function removeFolder(folder: string): Promise<void> {
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  await remove().catch(async () => {
    await promisify(execFile)('chmod', ['-R', 'u+rwX', folder]);
    await remove();
  });
}

/** What the system refuses the host's hand in the sandbox (its disk is full, its folder is gone) is the sandbox's failure, not ours. */
function typed(error: unknown): unknown {
  const errno: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (error instanceof BanyanError || typeof errno !== 'string' || !/^E[A-Z]+$/.test(errno)) return error;
  const what = errno === 'ENOSPC' || errno === 'EDQUOT' ? 'The disk of the sandbox is full.' : `The sandbox broke (${errno}).`;
  return new BanyanError('sandbox_failed', what, { retry: 'transient', data: { errno }, cause: error });
}

const PREFIX = 'banyan-sandbox-';
const OWNER_FILE = 'owner';

/** Folders of processes that were killed before they could clean up. One without an owner is being made right now, or is not ours. */
async function removeAbandoned(parent: string): Promise<number> {
  let removed = 0;
  const names = (await readdir(parent).catch(() => [])).filter((name) => name.startsWith(PREFIX));
  for (const name of names) {
    const owner = Number(await readFile(join(parent, name, OWNER_FILE), 'utf8').catch(() => ''));
    if (owner <= 0 || isAlive(owner)) continue;
    removed += await rm(join(parent, name), { recursive: true, force: true }).then(
      () => 1,
      () => 0,
    );
  }
  return removed;
}

async function makeFolders(machine: Machine, parent: string, dropTo: number | null): Promise<SandboxFolders> {
  const base = await realpath(await mkdtemp(join(parent, PREFIX)));
  const inBase = (name: string) => join(base, name);
  const folders: SandboxFolders = { base, work: inBase('work'), home: inBase('home'), tmp: inBase('tmp'), etc: inBase('etc'), root: inBase('root') };
  await Promise.all([folders.work, folders.home, folders.tmp, folders.etc, folders.root].map((path) => mkdir(path)));
  await Promise.all([chmod(folders.tmp, 0o1777), writeFile(inBase(OWNER_FILE), String(process.pid))]);
  if (dropTo !== null) await Promise.all([folders.work, folders.home, folders.tmp].map((path) => chown(path, dropTo, dropTo)));
  if (machine.way === 'bubblewrap' || machine.way === 'unshare') {
    await writeEtc(folders.etc, dropTo ?? 1000, machine.host.etcFolders);
    await writeFile(inBase(MOUNT_TABLE_FILE), mountTable({ folders, host: machine.host }));
  }
  return folders;
}

async function openSandbox(machine: Machine, request: SandboxOptions, options: LocalSandboxOptions & { folder: string }): Promise<Sandbox> {
  const isMapped = machine.way === 'bubblewrap' || machine.way === 'unshare';
  const dropTo = isMapped && process.getuid?.() === 0 ? randomInt(USERS.first, USERS.last) : null;
  const limits = { ...DEFAULT_LIMITS, ...options.limits, ...(request.memoryMb ? { memoryMb: request.memoryMb } : {}) };
  const folders = await makeFolders(machine, options.folder, dropTo);
  const files = createWorkFolder(folders.work, dropTo);
  const environment = fixedEnvironment({ folders, host: machine.host }, isMapped);
  const end = new AbortController();
  // The host touches files only while no command runs, which is what makes its look at symlinks sound.
  const inTurn = createTurns();
  let isDestroyed = false;

  function assertAlive(): void {
    if (!isDestroyed) return;
    throw new BanyanError('sandbox_timeout', 'The sandbox is gone: it was destroyed or its time was over.', { retry: 'transient' });
  }

  async function run(command: SandboxCommand) {
    const cwd = command.cwd === undefined || command.cwd === '.' ? '.' : cleanPath(command.cwd);
    const plan = { folders, host: machine.host, limits, dropTo, cwd, env: { ...environment, ...command.env }, command: command.command };
    return execute(machine.isolate(plan), {
      timeoutMs: command.timeoutSeconds * 1000,
      maxOutputBytes: command.maxOutputBytes,
      signal: command.signal ? AbortSignal.any([command.signal, end.signal]) : end.signal,
      watcher: createWatcher({ folder: folders.base, memoryMb: limits.memoryMb, diskMb: limits.diskMb }),
    });
  }

  async function destroy(): Promise<void> {
    if (isDestroyed) return;
    isDestroyed = true;
    clearTimeout(life);
    end.abort(new BanyanError('sandbox_timeout', 'The sandbox was destroyed while the command ran.', { retry: 'transient' }));
    await inTurn(() => removeFolder(folders.base));
  }

  const life = setTimeout(() => void destroy().catch(() => undefined), request.timeoutSeconds * 1000);
  life.unref();
  const alive = <T>(action: () => Promise<T>): Promise<T> =>
    inTurn(async () => {
      assertAlive();
      return action().catch((error: unknown) => {
        throw typed(error);
      });
    });
  return {
    id: `${request.name ?? 'sandbox'}-${randomUUID().slice(0, 8)}`,
    provider: `local/${machine.way}`,
    writeFiles: (list) => alive(() => files.write(list)),
    readFile: (path) => alive(() => files.read(path)),
    run: (command) => alive(() => run(command)),
    destroy,
  };
}
