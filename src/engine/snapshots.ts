import { readSnapshot } from '../context/snapshot.ts';
import type { RepositorySnapshot } from '../context/snapshot.ts';
import type { Repository } from '../github/repository.ts';

/** Trees of commits, fetched once while they are wanted: the roles of one issue often look at the same commit one after another. */
export interface SnapshotCache {
  get(repository: Repository, sha: string, maxBytes: number): Promise<RepositorySnapshot>;
}

/** A tree may be as large as the configured limit; two are what one function's memory bears. */
const KEPT = 2;
/**
 * Small trees are kept beyond that, as many as fit in here: a process works on the issues of many repositories at once, and two places
 * for all of them would have each role fetch again what the one before it had, at a request of GitHub's hourly limit each time.
 */
const KEPT_BYTES = 64 * 1024 * 1024;
/** What a file takes beside its content. */
const BYTES_PER_FILE = 1024;

interface Kept {
  loading: Promise<RepositorySnapshot>;
  /** 0 until it is here. */
  bytes: number;
}

export function createSnapshotCache(): SnapshotCache {
  /** The one that was wanted longest ago first. */
  const kept = new Map<string, Kept>();

  function prune(): void {
    let total = 0;
    for (const [index, [key, { bytes }]] of [...kept].toReversed().entries()) {
      total += bytes;
      if (index >= KEPT && total > KEPT_BYTES) kept.delete(key);
    }
  }

  function load(key: string, read: () => Promise<RepositorySnapshot>): Promise<RepositorySnapshot> {
    const loading = read();
    const entry: Kept = { loading, bytes: 0 };
    kept.set(key, entry);
    loading.then(
      ({ bytes, files }) => {
        entry.bytes = bytes + files.size * BYTES_PER_FILE;
        prune();
      },
      () => {
        if (kept.get(key) === entry) kept.delete(key);
      },
    );
    return loading;
  }

  return {
    get(repository, sha, maxBytes) {
      const key = `${repository.project.id}@${sha}/${maxBytes}`;
      const known = kept.get(key);
      if (!known) return load(key, async () => readSnapshot(await repository.source.tarball(sha), { maxBytes }));
      kept.delete(key);
      kept.set(key, known);
      return known.loading;
    },
  };
}
