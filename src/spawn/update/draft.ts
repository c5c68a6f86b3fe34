import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { BanyanError } from '../../kernel/errors.ts';
import type { FileClass } from '../manifest.ts';
import { childPath } from '../paths.ts';
import type { Change } from './plan.ts';
import { filesBelow, readChildFile } from './tree.ts';

/** A book and a journal: a change of these would be one of the update itself. */
function requireOthers(path: string): string {
  if (!/^\.banyan(?:\/|$)/i.test(childPath(path))) return path;
  throw new BanyanError('path_invalid', `The path "${path}" is the update's own: it writes .banyan/ itself.`, { data: { path } });
}

/** The child as it will be: its files, and over them what the update changes. Nothing is written. */
export class Draft {
  private readonly root: string;
  private readonly classes: ReadonlyMap<string, FileClass>;
  private readonly byPath = new Map<string, Change>();
  private readonly gone = new Set<string>();

  constructor(root: string, changes: readonly Change[], classes: ReadonlyMap<string, FileClass>) {
    this.root = root;
    this.classes = classes;
    for (const change of changes) {
      if (change.content === null) this.gone.add(change.path);
      if (change.from !== undefined) this.gone.add(change.from);
    }
    for (const change of changes) {
      this.byPath.set(change.path, change);
      if (change.content !== null) this.gone.delete(change.path);
    }
  }

  get changes(): Change[] {
    return [...this.byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** null where there is no such text. */
  read(path: string): string | null {
    const change = this.byPath.get(childPath(path));
    if (change) return change.content;
    return this.gone.has(path) ? null : (readChildFile(this.root, path)?.text ?? null);
  }

  list(): string[] {
    const added = [...this.byPath.values()].flatMap(({ path, content }) => (content === null ? [] : [path]));
    const there = filesBelow(this.root, '').filter((path) => !this.gone.has(path) && this.byPath.get(path)?.content !== null);
    return [...new Set([...there, ...added])].toSorted();
  }

  /** A link on the way would lead out of the child. */
  private refuseLinks(path: string): void {
    const parts = path.split('/').slice(0, -1);
    for (const [index] of parts.entries()) {
      const folder = parts.slice(0, index + 1).join('/');
      const found = this.gone.has(folder) ? undefined : lstatSync(join(this.root, folder), { throwIfNoEntry: false });
      if (found === undefined) return;
      if (found.isDirectory()) continue;
      throw new BanyanError('path_invalid', `The path "${path}" goes through ${folder}, which is no folder of the child.`, { data: { path } });
    }
  }

  write(path: string, content: string): void {
    const before = this.byPath.get(requireOthers(path));
    if (this.read(path) === content) return;
    this.refuseLinks(path);
    const mode = before?.mode ?? readChildFile(this.root, path)?.mode ?? (content.startsWith('#!') ? 0o755 : 0o644);
    const fresh: Change = { path, kind: 'codemod', class: this.classes.get(path) ?? 'local', content, mode, conflicts: 0 };
    this.byPath.set(path, { ...fresh, ...before, content, mode });
  }

  remove(path: string): void {
    const before = this.byPath.get(requireOthers(path));
    const isNew = before?.kind === 'added' || (before?.kind === 'codemod' && readChildFile(this.root, path) === null);
    if (isNew) {
      this.byPath.delete(path);
      return;
    }
    if (this.read(path) === null) return;
    const from = before?.from;
    this.byPath.set(path, { path, kind: 'deleted', class: before?.class ?? this.classes.get(path) ?? 'local', content: null, mode: 0o644, conflicts: 0 });
    if (from !== undefined) this.byPath.set(from, { path: from, kind: 'deleted', class: 'local', content: null, mode: 0o644, conflicts: 0 });
  }
}
