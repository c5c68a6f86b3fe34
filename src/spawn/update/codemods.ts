import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { sep } from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { packageFile, packageModule } from '../../kernel/package-root.ts';
import { cancelled } from '../command.ts';
import type { FileClass } from '../manifest.ts';
import { Draft } from './draft.ts';
import type { Change } from './plan.ts';

/** What a codemod may do: it sees the child as it will be, and its writes are written with all the others or not at all. */
export interface CodemodFiles {
  /** null where there is no such text file. */
  read(path: string): string | null;
  write(path: string, content: string): void;
  /** Paths of all files, without `node_modules` and `.git`. */
  list(): string[];
  remove(path: string): void;
}

interface Codemod {
  file: string;
  version: string;
}

/** `codemods/0.4.0-rename-budget.mjs` mends what version 0.4.0 broke. */
const FILE = /^(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)-([a-z0-9-]+)\.mjs$/;

/**
 * The codemods between two versions, oldest first.
 * @throws BanyanError `config_invalid` for a file whose name has no version
 */
export function codemodsBetween(files: readonly string[], from: string, to: string): Codemod[] {
  const codemods = files.flatMap((file) => {
    if (!file.endsWith('.mjs')) return [];
    const version = FILE.exec(file)?.[1];
    if (version !== undefined) return [{ file, version }];
    throw new BanyanError('config_invalid', `codemods/${file}: its name has no version.`, { fix: 'Name it <version>-<what-it-does>.mjs' });
  });
  return codemods
    .filter(({ version }) => semver.gt(version, from) && semver.lte(version, to))
    .toSorted((a, b) => semver.compare(a.version, b.version) || (a.file < b.file ? -1 : 1));
}

export interface CodemodNote {
  codemod: string;
  title: string;
  notes: string[];
}

/** The child as the update leaves it, before its own code is mended. */
export interface Unmended {
  root: string;
  changes: Change[];
  classes: ReadonlyMap<string, FileClass>;
}

export interface Mended {
  changes: Change[];
  notes: CodemodNote[];
}

/** What the process of the codemods is given. */
export interface CodemodWork {
  root: string;
  changes: Change[];
  classes: [path: string, kind: FileClass][];
  folder: string;
  files: string[];
}

const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('begins'), codemod: z.string() }),
  z.object({ kind: z.literal('failed'), codemod: z.string(), message: z.string() }),
  z.object({ kind: z.literal('invalid'), message: z.string(), fix: z.string() }),
  z.object({
    kind: z.literal('done'),
    /** null: it is removed. */
    writes: z.array(z.object({ path: z.string(), content: z.string().nullable() })),
    notes: z.array(z.object({ codemod: z.string(), title: z.string(), notes: z.array(z.string()) })),
  }),
]);

/** What it says. A codemod can say it, too: nothing of it is believed that is not checked here. */
export type CodemodMessage = z.infer<typeof messageSchema>;
type Done = Extract<CodemodMessage, { kind: 'done' }>;

export interface CodemodSpan {
  from: string;
  to: string;
  signal?: AbortSignal | undefined;
  /** What one codemod may take. */
  limitMs?: number;
}

const LIMIT_MS = 60_000;
const MOST_MEMORY_MB = 1024;

function failure(codemod: string, problem: string, cause?: unknown): BanyanError {
  return new BanyanError('internal', `The codemod ${codemod} failed: ${problem.slice(0, 2000)}`, {
    fix: 'Nothing was changed. Report it to the mother; --no-codemods leaves them out.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Without a variable of the environment. It may read the child, the codemods and the code that runs them; write, start and load natively it may nothing. */
function startProcess(root: string, folder: string): ChildProcess {
  const script = realpathSync(packageModule('src/spawn/update/codemod-process'));
  // Nothing but our own modules is loaded there: no package, so that `node_modules` need not be read.
  const code = script.slice(0, script.lastIndexOf(`${sep}src${sep}`) + sep.length + 'src'.length);
  const readable = [root, folder, code, realpathSync(packageFile('package.json'))];
  const limits = ['--permission', ...new Set(readable.map((path) => `--allow-fs-read=${path}`)), `--max-old-space-size=${MOST_MEMORY_MB}`];
  // What machines read on stdout is not theirs to write. A group of its own: Ctrl-C at a terminal is for the command.
  return spawn(process.execPath, [...limits, script], { cwd: root, env: {}, stdio: ['ignore', 2, 2, 'ipc'], detached: process.platform !== 'win32' });
}

/** Waits for the process, and ends it: it may not end by itself. */
function outcomeOf(running: ChildProcess, { files }: CodemodWork, { signal, limitMs = LIMIT_MS }: CodemodSpan): Promise<Done> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let timer: NodeJS.Timeout | undefined;
    let end: (() => void) | undefined;
    const current = () => files[begun - 1] ?? 'of the new version';
    const finish = (how: () => void) => {
      if (end) return;
      end = how;
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      running.kill('SIGKILL');
    };
    const fail = (problem: string, cause?: unknown) => finish(() => reject(failure(current(), problem, cause)));
    const stop = () => finish(() => reject(cancelled()));
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(`it has not ended within ${limitMs / 1000} s.`), limitMs);
    };
    running.on('message', (value) => {
      const { data: message } = messageSchema.safeParse(value);
      if (message?.kind === 'begins' && message.codemod === files[begun]) {
        begun++;
        wait();
      } else if (message?.kind === 'done' && begun === files.length) finish(() => resolve(message));
      else if (message?.kind === 'failed') fail(message.message);
      else if (message?.kind === 'invalid') finish(() => reject(new BanyanError('config_invalid', message.message, { fix: message.fix })));
      else fail('it said what nobody understands.');
    });
    running.on('error', (error) => {
      fail(error.message, error);
      // One that was never started does not close.
      if (running.pid === undefined) end?.();
    });
    running.on('close', () => {
      fail('it ended without an end of its work.');
      end?.();
    });
    signal?.addEventListener('abort', stop, { once: true });
    wait();
  });
}

/** What was said to be written, under the same rules as in the process. */
function written({ root, changes, classes }: Unmended, { writes, notes }: Done, files: readonly string[]): Mended {
  const draft = new Draft(root, changes, classes);
  try {
    for (const { path } of writes.filter(({ content }) => content === null)) draft.remove(path);
    for (const { path, content } of writes) if (content !== null) draft.write(path, content);
  } catch (cause) {
    throw failure(files.join(', '), cause instanceof Error ? cause.message : String(cause), cause);
  }
  return { changes: draft.changes, notes };
}

/**
 * Runs over the draft what the package of the new version brings for the versions between, in a process of its own: it cannot hold up
 * the command, and what it may do to this machine is read.
 * @param folder the package's `codemods/`
 * @throws BanyanError `internal` naming the codemod that failed or has not ended
 */
export async function runCodemods(folder: string, child: Unmended, span: CodemodSpan): Promise<Mended> {
  const files = existsSync(folder) ? codemodsBetween(readdirSync(folder), span.from, span.to).map(({ file }) => file) : [];
  if (files.length === 0) return { changes: child.changes, notes: [] };
  if (span.signal?.aborted) throw cancelled();
  // What it may read is said without links: it could not even look at one on the way, as to the temporary folder of macOS.
  const [root, codemods] = [realpathSync(child.root), realpathSync(folder)];
  const work: CodemodWork = { root, changes: child.changes, classes: [...child.classes], folder: codemods, files };
  const running = startProcess(root, codemods);
  const outcome = outcomeOf(running, work, span);
  // One that ends before it has read that is told of by its end.
  running.send(work, () => undefined);
  return written(child, await outcome, files);
}
