import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changedPaths } from './changed-paths.ts';
import { diffFiles } from './diff.ts';
import { commitsBetween, isAncestor, mergeBase } from './history.ts';
import { mergeTrees } from './merge.ts';
import { isValidRef } from './refs.ts';
import { GitRepository } from './repository.ts';

let dir: string;
let git: GitRepository;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bare-'));
  git = GitRepository.create(dir, 'main');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function tree(files: Record<string, string>): string {
  return git.writeTree(
    null,
    new Map(Object.entries(files).map(([path, text]) => [path, { mode: '100644', sha: git.objects.write('blob', Buffer.from(text)) }])),
  );
}

function commit(files: Record<string, string>, ...parents: string[]): string {
  const who = { name: 'Mae <x>', email: 'mae@example.com', date: `2026-01-01T00:00:${String(10 + parents.length)}Z` };
  return git.writeCommit({ tree: tree(files), parents, author: who, committer: who, message: `commit of ${Object.keys(files).join(' ')}\n\nwith a body` });
}

describe('objects', () => {
  it('are what git itself reads', () => {
    const sha = commit({ 'a.txt': 'a', 'a/b.txt': 'b', 'a.b': 'c', 'Ünï/cödé.txt': 'd' });
    git.refs.write('refs/heads/main', sha);
    expect(execFileSync('git', ['--git-dir', dir, 'fsck', '--strict', '--no-progress']).toString()).toBe('');
    const names = execFileSync('git', ['--git-dir', dir, '-c', 'core.quotePath=false', 'ls-tree', '-r', '--name-only', 'main']).toString().trim().split('\n');
    expect(names).toEqual([...git.files(tree({ 'a.txt': 'a', 'a/b.txt': 'b', 'a.b': 'c', 'Ünï/cödé.txt': 'd' })).keys()]);
    expect(git.commit(sha)).toMatchObject({ author: { name: 'Mae x', email: 'mae@example.com' }, message: expect.stringContaining('with a body') as string });
  });

  it('are read from a pack as well', () => {
    const sha = commit({ 'a.txt': 'a' });
    git.refs.write('refs/heads/main', sha);
    execFileSync('git', ['--git-dir', dir, 'gc', '--quiet', '--prune=now']);
    const fresh = new GitRepository(dir);
    expect(fresh.branch('main')).toBe(sha);
    expect(fresh.commit(sha)?.message).toContain('commit of a.txt');
    fresh.refs.delete('refs/heads/main');
    expect(fresh.branch('main')).toBeUndefined();
  });
});

describe('trees', () => {
  it('lose folders that become empty', () => {
    const base = tree({ 'a/b/c.txt': 'c', 'd.txt': 'd' });
    expect([...git.files(git.writeTree(base, new Map([['a/b/c.txt', null]]))).keys()]).toEqual(['d.txt']);
  });

  it('tell what changed between them', () => {
    const changed = changedPaths(git, tree({ 'a/x': '1', 'a/y': '2', z: '3' }), tree({ 'a/x': '1', 'a/y': '9', 'a/new/n': '4' }));
    expect(changed).toEqual({ added: ['a/new/n'], modified: ['a/y'], removed: ['z'] });
  });

  it('are merged file by file', () => {
    const lines = (...changes: [number, string][]) =>
      changes
        .reduce(
          (all, [at, text]) => all.with(at, text),
          Array.from({ length: 12 }, (_, index) => String(index)),
        )
        .join('\n');
    const base = tree({ f: lines(), kept: 'k', gone: 'g' });
    const merged = mergeTrees(git, {
      base,
      ours: tree({ f: lines([0, 'ours']), kept: 'k', gone: 'g' }),
      theirs: tree({ f: lines([11, 'theirs']), kept: 'k', more: 'm' }),
    });
    expect('tree' in merged && [...git.files(merged.tree)].map(([path, { sha }]) => [path, git.blob(sha)?.toString()])).toEqual([
      ['f', lines([0, 'ours'], [11, 'theirs'])],
      ['kept', 'k'],
      ['more', 'm'],
    ]);
    const conflict = mergeTrees(git, { base, ours: tree({ f: 'ours' }), theirs: tree({ f: 'theirs', kept: 'k', gone: 'g' }) });
    expect(conflict).toEqual({ conflicts: ['f'] });
  });
});

describe('history', () => {
  it('finds what is between and below commits', () => {
    const root = commit({ r: '1' });
    const left = commit({ l: '1' }, root);
    const right = commit({ x: '1' }, root);
    const merge = commit({ m: '1' }, left, right);
    expect(mergeBase(git, left, right)).toBe(root);
    expect(isAncestor(git, root, merge)).toBe(true);
    expect(isAncestor(git, merge, root)).toBe(false);
    expect(commitsBetween(git, left, merge)).toEqual([merge, right]);
    expect(mergeBase(git, root, commit({ other: '1' }))).toBeUndefined();
  });
});

describe('a diff', () => {
  it('has status, counts and hunks of every file, whatever its name', async () => {
    const long = Array.from({ length: 30 }, (_, index) => `line ${index}`).join('\n');
    const before = tree({ 'a b.txt': 'one\n', 'gone.txt': 'x\n', 'old name.txt': long, bin: 'a\0b' });
    const after = tree({ 'a b.txt': 'two\n', 'new "name".txt': long, 'ünï.txt': '-- a\n++ b\n', bin: 'a\0c' });
    const files = await diffFiles(git, before, after);
    expect(files.map(({ path, status, additions, deletions, previousPath }) => [path, status, additions, deletions, previousPath])).toEqual([
      ['a b.txt', 'modified', 1, 1, null],
      ['bin', 'modified', 0, 0, null],
      ['gone.txt', 'removed', 0, 1, null],
      ['new "name".txt', 'renamed', 0, 0, 'old name.txt'],
      ['ünï.txt', 'added', 2, 0, null],
    ]);
    expect(files[4]?.patch).toBe('@@ -0,0 +1,2 @@\n+-- a\n+++ b');
    expect(files[1]?.patch).toBeUndefined();
  });
});

describe('ref names', () => {
  it.each(['refs/heads/main', 'refs/heads/feature/1-größe', 'refs/tags/v1.0.0', 'refs/heads/a@b'])('takes %s', (ref) => {
    expect(isValidRef(ref)).toBe(true);
  });
  it.each([
    'main',
    'refs/heads/',
    'refs/heads/-x',
    'refs/heads/a..b',
    'refs/heads/.a',
    'refs/heads/a.lock',
    'refs/heads/a b',
    'refs/heads/a~1',
    'refs/heads/@{x',
    'refs/heads/a/../../x',
    'refs/heads/x\n',
  ])('refuses %j', (ref) => {
    expect(isValidRef(ref)).toBe(false);
  });
  it("cannot stand in each other's way", () => {
    const sha = commit({ a: '1' });
    expect(git.refs.write('refs/heads/a', sha)).toBe(true);
    expect(git.refs.write('refs/heads/a/b', sha)).toBe(false);
    git.refs.delete('refs/heads/a');
    expect(git.refs.write('refs/heads/a/b', sha)).toBe(true);
    git.refs.delete('refs/heads/a/b');
    expect(git.refs.write('refs/heads/a', sha)).toBe(true);
  });
});
