import { existsSync, readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import semver from 'semver';
import { BanyanError } from '../../kernel/errors.ts';
import { packageModule } from '../../kernel/package-root.ts';
import { cancelled } from '../command.ts';
import type { FileClass } from '../manifest.ts';
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

export interface CodemodWork extends Unmended {
  folder: string;
  files: string[];
}

/** What the thread of the codemods says. */
export type CodemodMessage =
  | { kind: 'begins'; codemod: string }
  | { kind: 'failed'; codemod: string; message: string }
  | { kind: 'invalid'; message: string; fix: string }
  | ({ kind: 'done' } & Mended);

export interface CodemodSpan {
  from: string;
  to: string;
  signal?: AbortSignal | undefined;
  /** What one codemod may take. */
  limitMs?: number;
}

const LIMIT_MS = 60_000;

function failure(codemod: string, problem: string, cause?: unknown): BanyanError {
  return new BanyanError('internal', `The codemod ${codemod} failed: ${problem}`, {
    fix: 'Nothing was changed. Report it to the mother; --no-codemods leaves them out.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Waits for the thread, and ends it: it may not end by itself. */
function outcomeOf(worker: Worker, { signal, limitMs = LIMIT_MS }: CodemodSpan): Promise<Mended> {
  return new Promise((resolve, reject) => {
    let current = 'of the new version';
    let timer: NodeJS.Timeout | undefined;
    let ended = false;
    const end = (how: () => void) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      void worker.terminate().then(how);
    };
    const stop = () => end(() => reject(cancelled()));
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(() => reject(failure(current, `it has not ended within ${limitMs / 1000} s.`))), limitMs);
    };
    worker.on('message', (message: CodemodMessage) => {
      if (message.kind === 'begins') {
        current = message.codemod;
        wait();
      } else if (message.kind === 'done') end(() => resolve({ changes: message.changes, notes: message.notes }));
      else if (message.kind === 'failed') end(() => reject(failure(message.codemod, message.message)));
      else end(() => reject(new BanyanError('config_invalid', message.message, { fix: message.fix })));
    });
    worker.on('error', (error: Error) => end(() => reject(failure(current, error.message, error))));
    worker.on('exit', () => end(() => reject(failure(current, 'it ended without an end of its work.'))));
    signal?.addEventListener('abort', stop, { once: true });
    wait();
  });
}

/**
 * Runs over the draft what the package of the new version brings for the versions between, in a thread of its own: it cannot hold up
 * the command, and gets no variable of the environment.
 * @param folder the package's `codemods/`
 * @throws BanyanError `internal` naming the codemod that failed or has not ended
 */
export async function runCodemods(folder: string, child: Unmended, span: CodemodSpan): Promise<Mended> {
  const files = existsSync(folder) ? codemodsBetween(readdirSync(folder), span.from, span.to).map(({ file }) => file) : [];
  if (files.length === 0) return { changes: child.changes, notes: [] };
  if (span.signal?.aborted) throw cancelled();
  const workerData: CodemodWork = { ...child, folder, files };
  const worker = new Worker(packageModule('src/spawn/update/codemod-worker'), { workerData, env: {}, stdout: true });
  // What machines read is not theirs to write.
  worker.stdout.pipe(process.stderr, { end: false });
  return outcomeOf(worker, span);
}
