import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account, ForgeRoot, Issue, Repository } from './model.ts';

/** How long changes gather before they are written; a kill loses at most this much. */
const WRITE_DELAY_MS = 20;

/** State in memory with a file per repository beside it. Whoever changes something says so with `touch`. */
export class ForgeStore {
  readonly root: ForgeRoot;
  readonly #repositories: Repository[];
  readonly #dir: string;
  readonly #dirty = new Set<number>();
  #rootDirty = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(dir: string, root: ForgeRoot, repositories: Repository[]) {
    this.#dir = dir;
    this.root = root;
    this.#repositories = repositories;
  }

  /** Reads what a folder holds, or starts with `initial`. */
  static open(dir: string, initial: () => ForgeRoot): { store: ForgeStore; isNew: boolean } {
    mkdirSync(join(dir, 'repositories'), { recursive: true });
    const path = join(dir, 'root.json');
    if (!existsSync(path)) return { store: new ForgeStore(dir, initial(), []), isNew: true };
    const files = readdirSync(join(dir, 'repositories')).filter((name) => name.endsWith('.json'));
    const repositories = files.map((name) => readJson<Repository>(join(dir, 'repositories', name)));
    repositories.sort((a, b) => a.id - b.id);
    return { store: new ForgeStore(dir, readJson<ForgeRoot>(path), repositories), isNew: false };
  }

  get repositories(): readonly Repository[] {
    return this.#repositories;
  }

  nextId(): number {
    this.#rootDirty = true;
    return this.root.nextId++;
  }

  account(login: string): Account | undefined {
    const wanted = login.toLowerCase();
    return this.root.accounts.find((account) => account.login.toLowerCase() === wanted);
  }

  repository(owner: string, name: string): Repository | undefined {
    const [o, n] = [owner.toLowerCase(), name.toLowerCase()];
    return this.#repositories.find((repository) => repository.owner.toLowerCase() === o && repository.name.toLowerCase() === n);
  }

  repositoryById(id: number): Repository | undefined {
    return this.#repositories.find((repository) => repository.id === id);
  }

  /** Searches all repositories for an issue (or pull request) by its database id. */
  issueById(id: number): { repository: Repository; issue: Issue } | undefined {
    for (const repository of this.#repositories) {
      const issue = repository.issues.find((candidate) => candidate.id === id);
      if (issue !== undefined) return { repository, issue };
    }
    return undefined;
  }

  add(repository: Repository): void {
    this.#repositories.push(repository);
    this.touch(repository);
  }

  remove(repository: Repository): void {
    const at = this.#repositories.indexOf(repository);
    if (at >= 0) this.#repositories.splice(at, 1);
    rmSync(this.#file(repository.id), { force: true });
    this.touch();
  }

  /** Marks a repository (and always the root) as changed; the write follows shortly. */
  touch(repository?: Repository): void {
    this.#rootDirty = true;
    if (repository !== undefined) this.#dirty.add(repository.id);
    this.#timer ??= setTimeout(() => this.flush(), WRITE_DELAY_MS);
  }

  /** The root goes first: ids that a repository's file uses are then never given out again. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#rootDirty) writeJson(join(this.#dir, 'root.json'), this.root);
    this.#rootDirty = false;
    for (const id of this.#dirty) {
      const repository = this.repositoryById(id);
      if (repository !== undefined) writeJson(this.#file(id), repository);
    }
    this.#dirty.clear();
  }

  #file(id: number): string {
    return join(this.#dir, 'repositories', `${id}.json`);
  }
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
