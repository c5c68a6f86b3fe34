import { readSnapshot } from '../context/snapshot.ts';
import type { RepositorySnapshot } from '../context/snapshot.ts';
import type { Repository } from '../github/repository.ts';

/** Trees of commits, fetched once while they are wanted: the roles of one issue often look at the same commit one after another. */
export interface SnapshotCache {
  get(repository: Repository, sha: string, maxBytes: number): Promise<RepositorySnapshot>;
}

/** A tree may be as large as the configured limit; two are what one function's memory bears. */
const KEPT = 2;

export function createSnapshotCache(): SnapshotCache {
  const kept = new Map<string, Promise<RepositorySnapshot>>();
  return {
    get(repository, sha, maxBytes) {
      const key = `${repository.project.id}@${sha}/${maxBytes}`;
      const known = kept.get(key);
      if (known) {
        kept.delete(key);
        kept.set(key, known);
        return known;
      }
      const loading = repository.source.tarball(sha).then((archive) => readSnapshot(archive, { maxBytes }));
      kept.set(key, loading);
      loading.catch(() => kept.delete(key));
      for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT))) kept.delete(oldest);
      return loading;
    },
  };
}
