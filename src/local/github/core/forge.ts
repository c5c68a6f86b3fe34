import type { KeyObject } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { GitRepository } from '../git/repository.ts';
import { toIso } from '../git/formats.ts';
import type { DeliveryQueue } from '../webhooks/deliveries.ts';
import type { DiffFile } from '../git/diff.ts';
import { diffFiles } from '../git/diff.ts';
import type { Permissions } from './access.ts';
import type { Limiter } from './limits.ts';
import type { Repository } from './model.ts';
import type { ForgeStore } from './store.ts';

const CACHED_DIFFS = 200;

export interface ForgeParts {
  dir: string;
  store: ForgeStore;
  deliveries: DeliveryQueue;
  limiter: Limiter;
  appKey: KeyObject;
  /** Address that goes into every URL; without a slash at its end. */
  url: string;
  /** What the App's owner set for it, and whoever installed it granted. */
  app: { permissions: Permissions; events: readonly string[] };
}

/** The parts that every resource needs: state, git, webhooks, addresses. */
export class Forge {
  readonly store: ForgeStore;
  readonly deliveries: DeliveryQueue;
  readonly limiter: Limiter;
  readonly appKey: KeyObject;
  readonly url: string;
  readonly app: ForgeParts['app'];
  readonly gitRoot: string;
  readonly #git = new Map<number, GitRepository>();
  readonly #queues = new Map<number, Promise<unknown>>();
  readonly #diffs = new Map<string, Promise<DiffFile[]>>();

  constructor(parts: ForgeParts) {
    this.store = parts.store;
    this.deliveries = parts.deliveries;
    this.limiter = parts.limiter;
    this.appKey = parts.appKey;
    this.url = parts.url;
    this.app = parts.app;
    this.gitRoot = join(parts.dir, 'git');
  }

  gitFolder(repository: Repository): string {
    return `${repository.id}.git`;
  }

  git(repository: Repository): GitRepository {
    const known = this.#git.get(repository.id);
    if (known !== undefined) return known;
    const git = new GitRepository(join(this.gitRoot, this.gitFolder(repository)));
    this.#git.set(repository.id, git);
    return git;
  }

  createGit(repository: Repository): GitRepository {
    const git = GitRepository.create(join(this.gitRoot, this.gitFolder(repository)), repository.defaultBranch);
    this.#git.set(repository.id, git);
    return git;
  }

  removeGit(repository: Repository): void {
    this.#git.delete(repository.id);
    rmSync(join(this.gitRoot, this.gitFolder(repository)), { recursive: true, force: true });
  }

  /** Runs work that moves refs of a repository, one after the other. Not reentrant. */
  async exclusive<T>(repository: Repository, work: () => Promise<T> | T): Promise<T> {
    const before = this.#queues.get(repository.id) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#queues.set(
      repository.id,
      mine.catch(() => undefined),
    );
    return mine;
  }

  /** Changed files between two commits; commits never change, so neither do these. */
  diff(repository: Repository, base: string, head: string): Promise<DiffFile[]> {
    const key = `${repository.id}:${base}:${head}`;
    const known = this.#diffs.get(key);
    if (known !== undefined) return known;
    const fresh = diffFiles(this.git(repository), base, head);
    fresh.catch(() => this.#diffs.delete(key));
    if (this.#diffs.size >= CACHED_DIFFS) {
      const oldest = this.#diffs.keys().next();
      if (!oldest.done) this.#diffs.delete(oldest.value);
    }
    this.#diffs.set(key, fresh);
    return fresh;
  }
}

/** Now, to the second, as GitHub writes it. */
export function timestamp(): string {
  return toIso(new Date());
}
