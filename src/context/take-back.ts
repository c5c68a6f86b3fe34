import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { cleanPath } from '../sandbox/paths.ts';
import type { Sandbox } from '../sandbox/types.ts';
import type { Overlay } from './overlay.ts';
import type { FileMode, SnapshotFile } from './snapshot.ts';
import type { TreeEntry, WorkTree } from './work-tree.ts';

/** How much of what a command left behind is taken over; what is more is almost surely generated. */
const TAKE_BACK_LIMITS = { files: 2_000, fileBytes: 2 * 1024 * 1024, totalBytes: 20 * 1024 * 1024 } as const;

const AT_ONCE = 8;

export interface TakeBack {
  sandbox: Sandbox;
  tree: WorkTree;
  overlay: Overlay;
  isProtected: (path: string) => boolean;
  /** Path and sha of changes that were refused and told already. */
  told: Map<string, string>;
}

export interface TakenBack {
  /** For whoever ran the command. */
  notes: string[];
  /** Protected paths that it changed, told now for the first time. */
  refused: string[];
}

function noted(note: string): TakenBack {
  return { notes: [note], refused: [] };
}

function gitSha(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

function isUsable(entry: TreeEntry): boolean {
  const parts = entry.path.split('/');
  if (parts.includes('.git') || parts.includes('node_modules') || entry.path.includes('\uFFFD')) return false;
  if (entry.mode !== null && !['100644', '100755', '120000'].includes(entry.mode)) return false;
  try {
    return cleanPath(entry.path) === entry.path;
  } catch {
    return false;
  }
}

function isKnown(current: SnapshotFile | null, entry: TreeEntry): boolean {
  if (entry.mode === null || current === null) return entry.mode === null && current === null;
  return current.mode === entry.mode && gitSha(current.content) === entry.sha;
}

/** A symlink that leaves the repository would make a reader of the pull request open a file of their own machine. */
function staysInside(path: string, target: string): boolean {
  if (target === '' || target.includes('\0') || posix.isAbsolute(target)) return false;
  const resolved = posix.normalize(posix.join(posix.dirname(path), target));
  return resolved !== '..' && !resolved.startsWith('../');
}

async function takeFiles({ sandbox, overlay }: TakeBack, entries: TreeEntry[]): Promise<string[]> {
  const refused: string[] = [];
  let total = 0;
  const queue = [...entries];
  const takeNext = async (): Promise<void> => {
    for (let entry = queue.shift(); entry; entry = queue.shift()) {
      const content = await sandbox.readFile(entry.path).catch(() => null);
      const isFitting = content !== null && content.length <= TAKE_BACK_LIMITS.fileBytes && total + content.length <= TAKE_BACK_LIMITS.totalBytes;
      if (!isFitting) {
        refused.push(entry.path);
        continue;
      }
      total += content.length;
      overlay.set(entry.path, entry.mode as FileMode, content);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, takeNext));
  return refused;
}

async function takeLinks({ tree, overlay, told }: TakeBack, entries: TreeEntry[]): Promise<string[]> {
  if (entries.length === 0) return [];
  const targets = await tree.linkTargets(entries.map(({ sha }) => sha));
  return entries.flatMap((entry, index) => {
    const target = targets[index] ?? '';
    if (!staysInside(entry.path, target)) {
      const isNews = told.get(entry.path) !== entry.sha;
      told.set(entry.path, entry.sha);
      return isNews ? [entry.path] : [];
    }
    overlay.set(entry.path, '120000', Buffer.from(target));
    return [];
  });
}

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, 10).join(', ');
  return paths.length > 10 ? `${shown} and ${paths.length - 10} more` : shown;
}

function takeRefusals({ isProtected, told }: TakeBack, entries: TreeEntry[]): string[] {
  const refused = entries.filter(({ path }) => isProtected(path));
  const news = refused.filter(({ path, sha }) => told.get(path) !== sha);
  for (const { path, sha } of refused) told.set(path, sha);
  return news.map(({ path }) => path);
}

/**
 * Brings what a command changed in the work folder into the overlay. The paths and modes come from inside the sandbox and are
 * believed only after the same checks that a tool's input goes through.
 */
export async function takeBack(context: TakeBack): Promise<TakenBack> {
  const { tree, overlay, isProtected } = context;
  const entries = await tree.changed();
  if (entries === null) return noted('Files changed by the command could not be read (git does not work in the sandbox); they are not part of the change.');
  if (entries.length > TAKE_BACK_LIMITS.files) {
    return noted(
      `The command changed ${entries.length} files, more than the ${TAKE_BACK_LIMITS.files} that are taken over; none of them is part of the change. Generated files belong in .gitignore.`,
    );
  }
  const usable = entries.filter(isUsable);
  const differing = new Set(entries.map(({ path }) => path));
  for (const path of overlay.changedPaths()) if (!differing.has(path)) overlay.revert(path);

  const news = usable.filter((entry) => !isProtected(entry.path) && !isKnown(overlay.get(entry.path), entry));
  for (const { path } of news.filter(({ mode }) => mode === null)) overlay.remove(path);
  const tooLarge = await takeFiles(
    context,
    news.filter(({ mode }) => mode === '100644' || mode === '100755'),
  );
  const outside = await takeLinks(
    context,
    news.filter(({ mode }) => mode === '120000'),
  );
  const refused = takeRefusals(context, usable);
  const notes = [
    ...(refused.length > 0 ? [`The command changed protected files; the changes are not part of the change, a person must make them: ${listed(refused)}`] : []),
    ...(tooLarge.length > 0 ? [`Too large to be part of the change: ${listed(tooLarge)}`] : []),
    ...(outside.length > 0 ? [`Symlinks that leave the repository are not part of the change: ${listed(outside)}`] : []),
  ];
  return { notes, refused };
}
