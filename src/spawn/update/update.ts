import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BanyanError } from '../../kernel/errors.ts';
import { BOOK_PATH } from '../book.ts';
import { cancelled, runCommand, tailOf } from '../command.ts';
import { vendor } from '../package.ts';
import { Change, type FileWrite } from './apply.ts';
import { conflictsOf, type Prepared } from './prepare.ts';
import { vendored, type Place, type Release } from './target.ts';

const FILE_MODE = 0o644;
const LOCK = 'package-lock.json';

/** All that is written but the book, which comes last. */
export function writesOf({ changes, asides, from }: Prepared): FileWrite[] {
  const moved = changes.flatMap((change) => (change.from === undefined ? [] : [change.from]));
  const put = new Set(changes.flatMap(({ path, content }) => (content === null ? [] : [path])));
  return [
    ...moved.filter((path) => !put.has(path)).map((path): FileWrite => ({ path, content: null, mode: FILE_MODE })),
    ...changes.map(({ path, content, mode }): FileWrite => ({ path, content, mode })),
    ...asides.map(({ path, text, mode }): FileWrite => ({ path: `.banyan/replaced/v${from}/${path}`, content: text, mode })),
  ];
}

/** The package in the child's vendor folder: the new one comes, the old one goes. */
export async function packageWrites(release: Release, { spec, oldSpec }: Prepared, place: Place): Promise<FileWrite[]> {
  const [path, before] = [vendored(spec), vendored(oldSpec)];
  if (path === null) return before === null ? [] : [{ path: before, content: null, mode: FILE_MODE }];
  await vendor(release.source, place.scratch, place.commands);
  const made = readdirSync(join(place.scratch, 'vendor')).find((name) => name.endsWith('.tgz'));
  if (made === undefined) throw new BanyanError('internal', 'The package of the new version was not made.');
  const gone: FileWrite[] = before === null || before === path ? [] : [{ path: before, content: null, mode: FILE_MODE }];
  return [...gone, { path, content: readFileSync(join(place.scratch, 'vendor', made)), mode: FILE_MODE }];
}

/**
 * The lock file without our package: its hash is the old tarball's, and npm would refuse another one under the same name. What lies below it
 * goes with it: npm takes what is left there for installed, and leaves out what that depends on.
 * @returns null where there is nothing to change
 */
export function lockWithout(lock: string): string | null {
  const parsed = JSON.parse(lock) as { packages?: Record<string, unknown> };
  if (parsed.packages?.['node_modules/banyan'] === undefined) return null;
  const others = Object.entries(parsed.packages).filter(([path]) => path !== 'node_modules/banyan' && !path.startsWith('node_modules/banyan/'));
  return `${JSON.stringify({ ...parsed, packages: Object.fromEntries(others) }, null, 2)}\n`;
}

function lockWrites(root: string): FileWrite[] {
  const path = join(root, LOCK);
  const text = existsSync(path) ? lockWithout(readFileSync(path, 'utf8')) : null;
  return text === null ? [] : [{ path: LOCK, content: text, mode: FILE_MODE }];
}

export async function npmInstall(args: readonly string[], { commands }: Place, cwd: string): Promise<void> {
  const all = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...args];
  const { code, output } = await runCommand('npm', all, { ...commands, cwd });
  if (code === 0) return;
  throw new BanyanError('internal', `Installing the new version failed (npm install):\n${tailOf(output, 30)}`, {
    fix: 'The files of the child are as they were. Mend what npm says, or update with --no-install and install later.',
  });
}

export interface ApplyOptions {
  install: boolean;
  /** Shows what goes on. */
  progress(step: string): void;
}

export interface Applied {
  installed: boolean;
}

/**
 * Writes a prepared update: all of it, or nothing. Whatever fails or stops it, also a kill, leaves the files of the child as they
 * were; the book is written last.
 */
export async function applyUpdate(release: Release, prepared: Prepared, place: Place, options: ApplyOptions): Promise<Applied> {
  const { root, commands } = place;
  options.progress('Package');
  const packages = await packageWrites(release, prepared, place);
  const broken = conflictsOf(prepared).some(({ path }) => path === 'package.json');
  const install = options.install && !broken;
  if (commands.signal?.aborted) throw cancelled();
  const change = Change.open(root);
  try {
    options.progress('Files');
    change.move([...writesOf(prepared), ...packages, ...lockChange(prepared, root)]);
    if (install) {
      options.progress('npm install');
      change.remember(LOCK);
      await npmInstall([], place, root);
    }
    if (commands.signal?.aborted) throw cancelled();
    change.move([{ path: BOOK_PATH, content: prepared.book, mode: FILE_MODE }]);
  } catch (error) {
    change.undo();
    throw error;
  }
  change.keep();
  return { installed: install };
}

/** The lock file is put right before an install, since the tarball of the same version may be another one. */
function lockChange(prepared: Prepared, root: string): FileWrite[] {
  return prepared.spec === prepared.oldSpec && vendored(prepared.spec) !== null ? lockWrites(root) : [];
}
