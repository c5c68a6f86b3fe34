import picomatch from 'picomatch';
import { BanyanError } from '../kernel/errors.ts';
import { cleanPath } from '../sandbox/paths.ts';
import type { Sandbox, SandboxNetwork, SandboxProvider, SandboxResult } from '../sandbox/types.ts';
import { createOverlay, type FileChange, type Overlay } from './overlay.ts';
import { createPathGuard } from './protected-paths.ts';
import { searchFiles, type SearchResult } from './search.ts';
import type { FileMode, RepositorySnapshot, SnapshotFile } from './snapshot.ts';
import { takeBack } from './take-back.ts';
import { openWorkTree, type WorkTree } from './work-tree.ts';

export interface WorkspaceOptions {
  snapshot: RepositorySnapshot;
  /** What an earlier workspace's `changes()` returned: goes on from there. */
  changes?: readonly FileChange[];
  /** Patterns that need a person, added to the defaults of `protected-paths.ts`. */
  protectedPaths?: readonly string[];
  /** Without one, `run` refuses. */
  sandboxProvider?: SandboxProvider;
  /** Life of the sandbox, over all commands. @default 3600 */
  sandboxSeconds?: number;
  sandboxName?: string;
  memoryMb?: number;
}

export interface RunRequest {
  command: string;
  timeoutSeconds: number;
  /** @default 64 kB */
  maxOutputBytes?: number;
  /**
   * `registries` only for commands of the owner's that install what is needed, never for those of an agent. Where the provider can
   * open them, the command gets a fresh machine if others ran in this one: what they left behind must not find the network open.
   * @default 'none'
   */
  network?: SandboxNetwork;
  signal?: AbortSignal;
}

/**
 * A repository as an agent works on it: the snapshot, the changes over it, and a sandbox that is opened at the first command.
 * Reading and writing happen in memory; a command sees the files as they are then, and its changes come back.
 */
export interface CommandResult extends SandboxResult {
  /** Protected paths that the command changed; the changes were not taken over. */
  refused?: string[];
}

export interface Workspace {
  /** Sorted paths, below a folder and matching a glob where given. @throws BanyanError `path_invalid` */
  list(filter?: { path?: string; glob?: string }): string[];
  /** A file's text. @throws BanyanError `not_found`, `media_type_unsupported` (binary, symlink), `path_invalid` */
  read(path: string): string;
  /** The bytes as they are, or null. */
  readBytes(path: string): Uint8Array | null;
  /** Keeps the mode of a file that exists. @throws BanyanError `path_protected`, `path_invalid`, `payload_too_large` */
  write(path: string, content: string): void;
  /** @throws BanyanError `path_protected`, `not_found`, `path_invalid` */
  remove(path: string): void;
  /** Bounded; see `search.ts` for what a query can be. */
  search(query: string, path?: string): SearchResult;
  isProtected(path: string): boolean;
  /** Against the snapshot, sorted, JSON. */
  changes(): FileChange[];
  /** A failing command is a result. @throws BanyanError `sandbox_unavailable`, `sandbox_failed`, `sandbox_timeout` */
  run(request: RunRequest): Promise<CommandResult>;
  /** Ends the sandbox. The workspace can go on; the next command opens another one. */
  dispose(): Promise<void>;
}

const MAX_WRITE_BYTES = 1024 * 1024;
const MAX_SEARCHED_BYTES = 1024 * 1024;
const SANDBOX_SECONDS = 3_600;
const OUTPUT_BYTES = 64 * 1024;

/** Wildcards of a glob each multiply the time of a match; a path list needs few. */
const MAX_WILDCARDS = 8;

function isBinary(content: Uint8Array): boolean {
  return content.subarray(0, 8_000).includes(0);
}

function globMatcher(glob: string): (path: string) => boolean {
  if (glob.length > 200 || (glob.match(/[*?+]/g) ?? []).length > MAX_WILDCARDS) {
    throw new BanyanError('path_invalid', `The glob is too complicated; use at most ${MAX_WILDCARDS} wildcards.`);
  }
  const matches = picomatch(glob.replace(/^\.?\//, ''), { dot: true, noextglob: true, nonegate: true, basename: !glob.includes('/') });
  // Alone: handed to `filter` as it is, the matcher takes the index for an option.
  return (path) => matches(path);
}

function cleanFolder(path: string | undefined): string {
  return path === undefined || ['', '.', '/', './'].includes(path.trim()) ? '' : `${cleanPath(path)}/`;
}

export function createWorkspace(options: WorkspaceOptions): Workspace {
  const overlay = createOverlay(options.snapshot, options.changes);
  const isProtected = createPathGuard(options.protectedPaths);
  const commands = createCommandRunner(options, overlay, isProtected);

  function below(path?: string): string[] {
    const folder = cleanFolder(path);
    return overlay.paths().filter((candidate) => candidate.startsWith(folder) || `${candidate}/` === folder);
  }

  function* texts(path?: string): Generator<{ path: string; text: string }> {
    for (const candidate of below(path)) {
      const file = overlay.get(candidate);
      if (file === null || file.mode === '120000' || file.size > MAX_SEARCHED_BYTES || isBinary(file.content)) continue;
      yield { path: candidate, text: Buffer.from(file.content).toString('utf8') };
    }
  }

  return {
    list({ path, glob } = {}) {
      const found = below(path);
      return glob === undefined ? found : found.filter(globMatcher(glob));
    },
    read: (path) => textOf(existing(overlay, cleanPath(path))),
    readBytes: (path) => overlay.get(cleanPath(path))?.content ?? null,
    write(path, content) {
      const clean = cleanPath(path);
      assertWritable(clean, isProtected);
      const bytes = Buffer.from(content);
      if (bytes.length > MAX_WRITE_BYTES) {
        throw new BanyanError('payload_too_large', `${clean} would have ${bytes.length} bytes; at most ${MAX_WRITE_BYTES} can be written at once.`);
      }
      overlay.set(clean, modeForWrite(overlay, clean), bytes);
      commands.touch(clean);
    },
    remove(path) {
      const clean = cleanPath(path);
      assertWritable(clean, isProtected);
      existing(overlay, clean);
      overlay.remove(clean);
      commands.touch(clean);
    },
    search: (query, path) => searchFiles(query, () => texts(path)),
    isProtected: (path) => isProtected(cleanPath(path)),
    changes: () => overlay.changes(),
    run: (request) => commands.run(request),
    dispose: () => commands.dispose(),
  };
}

function existing(overlay: Overlay, path: string): SnapshotFile {
  const file = overlay.get(path);
  if (file) return file;
  const isFolder = overlay.paths().some((candidate) => candidate.startsWith(`${path}/`));
  throw new BanyanError('not_found', isFolder ? `${path} is a folder, not a file.` : `There is no file ${path}.`, { data: { path } });
}

function textOf(file: SnapshotFile): string {
  if (file.mode === '120000') {
    throw new BanyanError('media_type_unsupported', `${file.path} is a symlink to ${Buffer.from(file.content).toString('utf8')}; read that file instead.`);
  }
  if (isBinary(file.content)) {
    throw new BanyanError('media_type_unsupported', `${file.path} is a binary file of ${file.size} bytes; it cannot be read as text.`);
  }
  return Buffer.from(file.content).toString('utf8');
}

function assertWritable(path: string, isProtected: (path: string) => boolean): void {
  if (!isProtected(path)) return;
  throw new BanyanError(
    'path_protected',
    `${path} is protected: only a person may change it. Work without changing it; if the task cannot be done otherwise, say so in your summary or ask.`,
    { data: { path } },
  );
}

function modeForWrite(overlay: Overlay, path: string): FileMode {
  const parts = path.split('/');
  const parents = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
  const blocking = parents.find((parent) => overlay.get(parent) !== null);
  if (blocking) throw new BanyanError('path_invalid', `${blocking} is a file, so ${path} cannot lie below it.`, { data: { path } });
  const current = overlay.get(path);
  if (current?.mode === '120000') throw new BanyanError('path_invalid', `${path} is a symlink; write the file that it points to.`, { data: { path } });
  if (current === null && overlay.paths().some((candidate) => candidate.startsWith(`${path}/`))) {
    throw new BanyanError('path_invalid', `${path} is a folder.`, { data: { path } });
  }
  return current?.mode ?? '100644';
}

function isBroken(error: unknown): boolean {
  return error instanceof BanyanError && error.retry === 'transient' && (error.code === 'sandbox_failed' || error.code === 'sandbox_timeout');
}

interface CommandRunner {
  /** A path was changed in memory: to be brought into the sandbox before the next command. */
  touch(path: string): void;
  run(request: RunRequest): Promise<CommandResult>;
  dispose(): Promise<void>;
}

function createCommandRunner(options: WorkspaceOptions, overlay: Overlay, isProtected: (path: string) => boolean): CommandRunner {
  let open: { sandbox: Sandbox; tree: WorkTree } | null = null;
  let stale = new Set<string>();
  let wasUsed = false;
  const told = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  async function ready(signal?: AbortSignal): Promise<{ sandbox: Sandbox; tree: WorkTree }> {
    if (open) return open;
    if (!options.sandboxProvider) throw new BanyanError('sandbox_unavailable', 'No sandbox is configured, so commands cannot be run.');
    const sandbox = await options.sandboxProvider.create({
      timeoutSeconds: options.sandboxSeconds ?? SANDBOX_SECONDS,
      ...(options.sandboxName === undefined ? {} : { name: options.sandboxName }),
      ...(options.memoryMb === undefined ? {} : { memoryMb: options.memoryMb }),
      ...(signal === undefined ? {} : { signal }),
    });
    const tree = await openWorkTree(sandbox, options.snapshot.files.values()).catch(async (error: unknown) => {
      await sandbox.destroy();
      throw error;
    });
    stale = new Set(overlay.changedPaths());
    told.clear();
    wasUsed = false;
    open = { sandbox, tree };
    return open;
  }

  async function close(): Promise<void> {
    const closing = open;
    open = null;
    await closing?.sandbox.destroy();
  }

  async function run({ command, timeoutSeconds, maxOutputBytes = OUTPUT_BYTES, network = 'none', signal }: RunRequest): Promise<CommandResult> {
    if (network === 'registries' && wasUsed && options.sandboxProvider?.reachesRegistries) await close();
    const { sandbox, tree } = await ready(signal);
    const behind = stale;
    stale = new Set();
    if (behind.size > 0) await tree.sync(new Map([...behind].map((path) => [path, overlay.get(path)])));
    wasUsed ||= network === 'none';
    const result = await sandbox.run({ command, timeoutSeconds, maxOutputBytes, network, ...(signal === undefined ? {} : { signal }) });
    const { notes, refused } = await takeBack({ sandbox, tree, overlay, isProtected, told });
    return notes.length === 0 ? result : { ...result, refused, output: `${result.output}\n${notes.map((note) => `[${note}]`).join('\n')}` };
  }

  /** Once: a sandbox that vanishes in the middle is opened anew with the same files. One that does so again is left to who retries. */
  async function runOrReplace(request: RunRequest): Promise<CommandResult> {
    const before = overlay.changedPaths().map((path) => [path, overlay.get(path)] as const);
    try {
      return await run(request);
    } catch (error) {
      await close().catch(() => undefined);
      if (request.signal?.aborted || !isBroken(error)) throw error;
    }
    for (const path of overlay.changedPaths()) overlay.revert(path);
    for (const [path, file] of before) {
      if (file) overlay.set(path, file.mode, file.content);
      else overlay.remove(path);
    }
    try {
      return await run(request);
    } catch (error) {
      await close().catch(() => undefined);
      throw error;
    }
  }

  return {
    touch: (path) => stale.add(path),
    run(request) {
      // One after the other, and a sandbox that broke is replaced: what counts lies in memory.
      const turn = last.then(() => runOrReplace(request));
      last = turn.catch(() => undefined);
      return turn;
    },
    dispose: close,
  };
}
