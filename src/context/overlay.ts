import type { FileMode, RepositorySnapshot, SnapshotFile } from './snapshot.ts';

/** One changed file against the snapshot; JSON, so that it can be kept with a task and laid over the snapshot again. */
export type FileChange = { path: string; mode: FileMode; content: string } | { path: string; deleted: true };

/** The snapshot with changes over it. Content in a `FileChange` is base64. */
export interface Overlay {
  get(path: string): SnapshotFile | null;
  set(path: string, mode: FileMode, content: Uint8Array): void;
  remove(path: string): void;
  /** Forgets the change: the snapshot's state again. */
  revert(path: string): void;
  /** All paths there are now, sorted. */
  paths(): string[];
  /** Paths that differ from the snapshot. */
  changedPaths(): string[];
  changes(): FileChange[];
}

function isSame(file: SnapshotFile | undefined, mode: FileMode, content: Uint8Array): boolean {
  return file !== undefined && file.mode === mode && Buffer.compare(file.content, content) === 0;
}

export function createOverlay(snapshot: RepositorySnapshot, initial: readonly FileChange[] = []): Overlay {
  const changed = new Map<string, SnapshotFile | null>();

  const overlay: Overlay = {
    get(path) {
      const change = changed.get(path);
      return change === undefined ? (snapshot.files.get(path) ?? null) : change;
    },
    set(path, mode, content) {
      if (isSame(snapshot.files.get(path), mode, content)) changed.delete(path);
      else changed.set(path, { path, mode, size: content.length, content });
    },
    remove(path) {
      if (snapshot.files.has(path)) changed.set(path, null);
      else changed.delete(path);
    },
    revert(path) {
      changed.delete(path);
    },
    paths() {
      const added = [...changed.keys()].filter((path) => !snapshot.files.has(path));
      const kept = [...snapshot.files.keys()].filter((path) => changed.get(path) !== null);
      return [...kept, ...added].toSorted();
    },
    changedPaths: () => [...changed.keys()].toSorted(),
    changes() {
      return overlay.changedPaths().map((path): FileChange => {
        const file = changed.get(path);
        return file ? { path, mode: file.mode, content: Buffer.from(file.content).toString('base64') } : { path, deleted: true };
      });
    },
  };

  for (const change of initial) {
    if ('deleted' in change) overlay.remove(change.path);
    else overlay.set(change.path, change.mode, Buffer.from(change.content, 'base64'));
  }
  return overlay;
}
