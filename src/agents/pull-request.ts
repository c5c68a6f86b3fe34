import type { TicketSnapshot } from '../domain/model.ts';
import type { TaskSession } from '../engine/session.ts';
import type { PullFile, PullRequest } from '../github/pulls.ts';
import { BanyanError } from '../kernel/errors.ts';
import { truncateMiddle, untrustedBlock, untrustedCode } from '../kernel/text.ts';
import { requireBase } from './update-base.ts';

/** Characters of all diffs together that a prompt carries; the files themselves can be read with the tools. */
const DIFF_CHARS = 60_000;

/** The number of the ticket's pull request. @throws BanyanError `not_found` where there is none */
export function pullNumber(snapshot: TicketSnapshot): number {
  const number = snapshot.code?.pr_number;
  if (number) return number;
  throw new BanyanError('not_found', 'the ticket has no pull request', { retry: 'needs_human' });
}

/** The head that is judged: what the branch holds when the task starts. */
export async function headOfPullRequest(session: TaskSession): Promise<string> {
  const { headSha } = await session.pullRequest(pullNumber(await session.snapshot()));
  await requireBase(session, headSha);
  return headSha;
}

export function diffSection(files: PullFile[]): string {
  const share = Math.max(1_000, Math.floor(DIFF_CHARS / Math.max(1, files.length)));
  const parts = files.map(
    (file) => `--- ${file.path} (${file.status})\n${file.patch === null ? '(binary or too large to show)' : truncateMiddle(file.patch, share)}`,
  );
  return `## The change (${files.length} files)\n\n${untrustedCode('diff', truncateMiddle(parts.join('\n\n'), DIFF_CHARS))}`;
}

export function pullRequestSection(pull: PullRequest): string {
  return `## Pull request #${pull.number}\n\n${untrustedBlock(`pull request #${pull.number}`, `${pull.title}\n\n${pull.body}`)}`;
}

/** Lines of the new version of each file that a review can comment on: those that the hunks of the diff show. */
export function commentableLines(files: PullFile[]): Map<string, Set<number>> {
  return new Map(files.map((file) => [file.path, linesOfPatch(file.patch ?? '')]));
}

function linesOfPatch(patch: string): Set<number> {
  const lines = new Set<number>();
  let line = 0;
  for (const row of patch.split('\n')) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(row);
    if (hunk) line = Number(hunk[1]);
    else if (row.startsWith('+') || row.startsWith(' ')) lines.add(line++);
  }
  return lines;
}
