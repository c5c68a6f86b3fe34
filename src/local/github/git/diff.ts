import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { GitRepository } from './repository.ts';

export type DiffStatus = 'added' | 'removed' | 'modified' | 'renamed' | 'changed';

export interface DiffFile {
  path: string;
  previousPath: string | null;
  status: DiffStatus;
  additions: number;
  deletions: number;
  /** The blob at the head (at the base for a removed file). */
  sha: string;
  /** The hunks; undefined for binary files and pure renames or mode changes. */
  patch: string | undefined;
}

export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

const run = promisify(execFile);
const OPTIONS = ['--no-color', '--no-ext-diff', '--no-textconv', '-M', '--full-index', '--no-abbrev'];
const MAX_BYTES = 512 * 1024 * 1024;

async function gitDiff(git: GitRepository, args: string[]): Promise<string> {
  if (!git.objects.has(EMPTY_TREE)) git.objects.write('tree', Buffer.alloc(0));
  const { stdout } = await run('git', ['--git-dir', git.dir, 'diff', ...OPTIONS, ...args, '--'], { maxBuffer: MAX_BYTES });
  return stdout;
}

/** The diff as text, as `git diff` prints it. Both names are shas of commits or trees. */
export async function diffText(git: GitRepository, base: string, head: string): Promise<string> {
  return gitDiff(git, [base, head]);
}

/** Changed files between two commits or trees, with their hunks. */
export async function diffFiles(git: GitRepository, base: string, head: string): Promise<DiffFile[]> {
  if (base === head) return [];
  const output = await gitDiff(git, ['--raw', '-z', '-p', base, head]);
  const { records, rest } = readRaw(output);
  const pieces = rest.split(/^(?=diff --git )/m).filter((piece) => piece.startsWith('diff --git '));
  let at = 0;
  return records.map((record) => {
    // A file that became a link is printed as two pieces, out and in.
    const mine = pieces.slice(at, (at += record.letter === 'T' ? 2 : 1));
    return toFile(record, mine);
  });
}

interface RawRecord {
  letter: string;
  oldSha: string;
  newSha: string;
  oldPath: string;
  newPath: string;
}

function readRaw(output: string): { records: RawRecord[]; rest: string } {
  const records: RawRecord[] = [];
  let at = 0;
  const next = (): string => {
    const end = output.indexOf('\0', at);
    const field = output.slice(at, end);
    at = end + 1;
    return field;
  };
  while (output[at] === ':') {
    const [, , oldSha = '', newSha = '', code = ''] = next().split(' ');
    const oldPath = next();
    const letter = code[0] ?? '';
    const newPath = letter === 'R' || letter === 'C' ? next() : oldPath;
    records.push({ letter, oldSha, newSha, oldPath, newPath });
  }
  return { records, rest: output.slice(at).replace(/^\0/, '') };
}

function toFile(record: RawRecord, pieces: string[]): DiffFile {
  const hunks = pieces.map(hunksOf).filter((text) => text !== '');
  const lines = hunks.join('\n').split('\n');
  const statuses: Record<string, DiffStatus> = { A: 'added', D: 'removed', M: 'modified', R: 'renamed', T: 'changed', C: 'added' };
  return {
    path: record.newPath,
    previousPath: record.letter === 'R' ? record.oldPath : null,
    status: statuses[record.letter] ?? 'modified',
    additions: lines.filter((line) => line.startsWith('+')).length,
    deletions: lines.filter((line) => line.startsWith('-')).length,
    sha: record.letter === 'D' ? record.oldSha : record.newSha,
    patch: hunks.length === 0 ? undefined : hunks.join('\n'),
  };
}

function hunksOf(piece: string): string {
  const start = piece.search(/^@@ /m);
  return start < 0 ? '' : piece.slice(start).replace(/\n$/, '');
}
