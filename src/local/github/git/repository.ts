import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Commit, Signature, Tag, TreeEntry } from './formats.ts';
import { formatCommit, formatTag, formatTree, parseCommit, parseTag, parseTree } from './formats.ts';
import { isSha, ObjectStore } from './objects.ts';
import { RefStore } from './refs.ts';

export interface FileEntry {
  mode: string;
  sha: string;
}

/** A change of one path: the new file, or null to remove it. */
export type FileChanges = Map<string, FileEntry | null>;

export interface NewCommit {
  tree: string;
  parents: string[];
  author: Signature;
  committer: Signature;
  message: string;
}

/**
 * Never pack (objects are read as files), hide the refs that only the server writes, and serve any commit that is reachable.
 * `http.receivepack` is safe to switch on: who may push is decided before git is started.
 */
const CONFIG = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[gc]
\tauto = 0
[maintenance]
\tauto = false
[receive]
\tautogc = false
\tunpackLimit = 1000000
\thideRefs = refs/pull
\tdenyDeleteCurrent = refuse
[transfer]
\tunpackLimit = 1000000
[http]
\treceivepack = true
[uploadpack]
\tallowReachableSHA1InWant = true
\tallowFilter = true
`;

/** A bare repository on disk. */
export class GitRepository {
  readonly dir: string;
  readonly objects: ObjectStore;
  readonly refs: RefStore;

  constructor(dir: string) {
    this.dir = dir;
    this.objects = new ObjectStore(dir);
    this.refs = new RefStore(dir);
  }

  static create(dir: string, defaultBranch: string): GitRepository {
    for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info', 'hooks']) {
      mkdirSync(join(dir, folder), { recursive: true });
    }
    if (!existsSync(join(dir, 'config'))) writeFileSync(join(dir, 'config'), CONFIG);
    const repository = new GitRepository(dir);
    repository.setHead(defaultBranch);
    return repository;
  }

  setHead(branch: string): void {
    writeFileSync(join(this.dir, 'HEAD'), `ref: refs/heads/${branch}\n`);
  }

  branch(name: string): string | undefined {
    return this.refs.read(`refs/heads/${name}`);
  }

  commit(sha: string): Commit | undefined {
    const object = this.objects.read(sha);
    return object?.type === 'commit' ? parseCommit(object.data) : undefined;
  }

  tag(sha: string): Tag | undefined {
    const object = this.objects.read(sha);
    return object?.type === 'tag' ? parseTag(object.data) : undefined;
  }

  tree(sha: string): TreeEntry[] | undefined {
    const object = this.objects.read(sha);
    return object?.type === 'tree' ? parseTree(object.data) : undefined;
  }

  blob(sha: string): Buffer | undefined {
    const object = this.objects.read(sha);
    return object?.type === 'blob' ? object.data : undefined;
  }

  /** The commit that a branch, tag, full ref, commit sha or unambiguous short sha of a branch's history names. */
  resolve(name: string): string | undefined {
    const ref = name.replace(/^\/+/, '');
    const candidates = ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/${ref}`];
    for (const candidate of candidates) {
      const sha = this.refs.read(candidate);
      if (sha !== undefined) return this.#peel(sha);
    }
    if (isSha(ref)) return this.#peel(ref);
    if (/^[0-9a-f]{7,39}$/.test(ref)) return this.#resolveShort(ref);
    return undefined;
  }

  #peel(sha: string): string | undefined {
    const tag = this.tag(sha);
    if (tag !== undefined) return this.#peel(tag.object);
    return this.objects.read(sha)?.type === 'commit' ? sha : undefined;
  }

  #resolveShort(short: string): string | undefined {
    const seen = new Set<string>();
    const queue = [...this.refs.list().values()].flatMap((sha) => this.#peel(sha) ?? []);
    for (let sha = queue.pop(); sha !== undefined; sha = queue.pop()) {
      if (seen.has(sha)) continue;
      seen.add(sha);
      if (sha.startsWith(short)) return sha;
      queue.push(...(this.commit(sha)?.parents ?? []));
    }
    return undefined;
  }

  /** Every file below a tree, by path. Submodules are entries of mode 160000. */
  files(treeSha: string, prefix = ''): Map<string, FileEntry> {
    const found = new Map<string, FileEntry>();
    for (const entry of this.tree(treeSha) ?? []) {
      const path = prefix + entry.name;
      if (entry.mode === '040000') for (const [inner, file] of this.files(entry.sha, `${path}/`)) found.set(inner, file);
      else found.set(path, { mode: entry.mode, sha: entry.sha });
    }
    return found;
  }

  /** The entry at a path, folders included. */
  entryAt(treeSha: string, path: string): TreeEntry | undefined {
    let entry: TreeEntry | undefined = { mode: '040000', name: '', sha: treeSha };
    for (const part of path.split('/').filter((name) => name !== '')) {
      entry = entry?.mode === '040000' ? this.tree(entry.sha)?.find((child) => child.name === part) : undefined;
    }
    return entry;
  }

  /** A new tree: the base with the changes. Only the folders on the way are rewritten; folders that become empty vanish. */
  writeTree(baseTree: string | null, changes: FileChanges): string {
    return this.#writeTree(baseTree, changes) ?? this.objects.write('tree', Buffer.alloc(0));
  }

  #writeTree(baseTree: string | null, changes: FileChanges): string | undefined {
    const entries = new Map((baseTree === null ? [] : (this.tree(baseTree) ?? [])).map((entry) => [entry.name, entry]));
    const below = new Map<string, FileChanges>();
    for (const [path, change] of changes) {
      const slash = path.indexOf('/');
      if (slash < 0) {
        if (change === null) entries.delete(path);
        else entries.set(path, { name: path, ...change });
        continue;
      }
      const folder = path.slice(0, slash);
      const inner = below.get(folder) ?? new Map();
      below.set(folder, inner.set(path.slice(slash + 1), change));
    }
    for (const [folder, inner] of below) {
      const existing = entries.get(folder);
      const tree = this.#writeTree(existing?.mode === '040000' ? existing.sha : null, inner);
      if (tree === undefined) {
        if (existing?.mode === '040000') entries.delete(folder);
      } else entries.set(folder, { mode: '040000', name: folder, sha: tree });
    }
    return entries.size === 0 ? undefined : this.objects.write('tree', formatTree([...entries.values()]));
  }

  writeCommit(commit: NewCommit): string {
    return this.objects.write('commit', formatCommit(commit));
  }

  writeTag(tag: Tag): string {
    return this.objects.write('tag', formatTag(tag));
  }
}
