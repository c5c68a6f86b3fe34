import type { Workspace } from '../context/workspace.ts';
import { holdsConflict } from '../domain/update-issue.ts';
import type { TaskSession } from '../engine/session.ts';
import { BanyanError } from '../kernel/errors.ts';

/**
 * Work on an update stands on the update's own commit. Where that is gone from its branch (made anew, deleted) or is part of the default branch by now,
 * a pull request would bring more than the work; nothing goes on then.
 * @throws BanyanError `conflict` (needs_human)
 */
export async function requireBase({ ticket, project, repository, base }: TaskSession, sha: string): Promise<void> {
  if (!ticket.base_branch) return;
  const { source } = repository;
  const fix = `If the update is over, close this issue. Else close the pull request of this work, delete its branch, and comment \`/banyan retry\`: work begins anew on \`${base}\` as it is then.`;
  if ((await source.head(base)) === null) {
    throw new BanyanError('conflict', `the branch ${base} of the update is gone`, { retry: 'needs_human', fix });
  }
  const common = await source.mergeBase(base, sha);
  if ((await source.mergeBase(project.default_branch, common)) !== common) return;
  throw new BanyanError('conflict', `the branch ${base} of the update was made anew, or merged, since this work began`, { retry: 'needs_human', fix });
}

/** Files in which conflicts of an update are left. */
export function filesWithConflicts(workspace: Pick<Workspace, 'list' | 'readBytes'>): string[] {
  return workspace.list().filter((path) => holdsConflict(Buffer.from(workspace.readBytes(path) ?? []).toString('utf8')));
}
