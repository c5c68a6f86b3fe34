import { parseCommand } from '../domain/commands.ts';
import type { TicketSnapshot } from '../domain/model.ts';
import { mayStartWork } from '../domain/permission.ts';
import type { Trigger } from '../domain/trigger.ts';
import { ACTIONS_LOGIN, askedBranch, conflictsVersion, updateBranch } from '../domain/update-issue.ts';
import type { Repository } from '../github/repository.ts';

interface Asking {
  number: number;
  body: string;
  author: string;
}

/** The issue on which work may start by what happened; null where none may. */
function issueOf(trigger: Trigger, snapshot: TicketSnapshot | null): Asking | null {
  switch (trigger.type) {
    case 'issue_opened':
    case 'issue_reopened':
    case 'label_added':
      return trigger.issue;
    case 'comment':
      if (parseCommand(trigger.comment.body) === null) return null;
      return trigger.onPullRequest ? (snapshot?.ticket ?? null) : trigger.issue;
    default:
      return null;
  }
}

/** The branch of the update whose conflicts an issue asks about, by what GitHub says now; null for every other issue, of which GitHub is asked nothing. */
export async function findUpdateBranch(repository: Repository, trigger: Trigger, snapshot: TicketSnapshot | null): Promise<string | null> {
  const issue = issueOf(trigger, snapshot);
  const version = issue && conflictsVersion(issue.body);
  if (!issue || version === null) return null;
  const { issues, pulls, project } = repository;
  const [pull, trusted] = await Promise.all([
    pulls.findByBranch(updateBranch(version)),
    issue.author === ACTIONS_LOGIN || issues.permission(issue.author).then(mayStartWork),
  ]);
  return askedBranch(issue, { trusted, pull, defaultBranch: project.default_branch });
}
