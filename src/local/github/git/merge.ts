import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileChanges, FileEntry, GitRepository } from './repository.ts';

export type MergeResult = { tree: string } | { conflicts: string[] };

interface ThreeWay {
  base: string | null;
  ours: string;
  theirs: string;
}

/** Merges two trees file by file; a file that both sides changed goes through `git merge-file`. Renames are not followed. */
export function mergeTrees(git: GitRepository, { base, ours, theirs }: ThreeWay): MergeResult {
  const before = base === null ? new Map<string, FileEntry>() : git.files(base);
  const mine = git.files(ours);
  const yours = git.files(theirs);
  const changes: FileChanges = new Map();
  const conflicts: string[] = [];
  for (const path of new Set([...before.keys(), ...yours.keys()])) {
    const [b, o, t] = [before.get(path), mine.get(path), yours.get(path)];
    if (sameFile(b, t) || sameFile(o, t)) continue;
    if (sameFile(b, o)) {
      changes.set(path, t ?? null);
      continue;
    }
    const merged = b !== undefined && o !== undefined && t !== undefined ? mergeFile(git, [b, o, t]) : undefined;
    if (merged === undefined) conflicts.push(path);
    else changes.set(path, merged);
  }
  return conflicts.length > 0 ? { conflicts } : { tree: git.writeTree(ours, changes) };
}

function sameFile(a: FileEntry | undefined, b: FileEntry | undefined): boolean {
  return a?.sha === b?.sha && a?.mode === b?.mode;
}

function mergeFile(git: GitRepository, [base, ours, theirs]: [FileEntry, FileEntry, FileEntry]): FileEntry | undefined {
  const mode = ours.mode === base.mode ? theirs.mode : ours.mode;
  const folder = mkdtempSync(join(tmpdir(), 'merge-'));
  try {
    const paths = [ours, base, theirs].map((file, index) => {
      const path = join(folder, String(index));
      writeFileSync(path, git.blob(file.sha) ?? '');
      return path;
    });
    const merged = execFileSync('git', ['merge-file', '-p', '--quiet', ...paths], { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1024 * 1024 * 256 });
    return { mode, sha: git.objects.write('blob', merged) };
  } catch {
    // A non-zero exit counts the conflicts (or says "binary"): either way people have to merge this file.
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
