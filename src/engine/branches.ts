import type { JsonObject } from '../domain/model.ts';
import type { Repository } from '../github/repository.ts';
import type { PullRequest } from '../github/pulls.ts';

/** GitHub lists no more commits of a pull request: who wrote the others is not known. */
const LISTED_COMMITS = 250;

/** Why the branch of a closed pull request has to stay, or null. */
async function reasonToKeep(repository: Repository, { branch, head, pull }: { branch: string; head: string; pull: PullRequest }, login: string) {
  if (pull.state === 'open' || pull.headRef !== branch) return 'in_use';
  // Pushed to since it was closed: that is in no pull request.
  if (pull.headSha !== head) return 'pushed';
  if (await repository.pulls.isBase(branch)) return 'base';
  if (pull.merged) return null;
  const authors = await repository.pulls.authors(pull.number);
  return authors.length >= LISTED_COMMITS || authors.some((author) => author !== login) ? 'commits_of_people' : null;
}

export interface ClosedBranch {
  branch: string;
  pullNumber: number;
  /** Of the App. */
  login: string;
}

/** Looks at everything at the moment of deleting, whatever was known when it was wanted. What is kept is not asked for again. */
export async function deleteBranch(repository: Repository, { branch, pullNumber, login }: ClosedBranch): Promise<JsonObject> {
  const head = await repository.source.head(branch);
  if (head === null) return { deleted: null };
  const kept = await reasonToKeep(repository, { branch, head, pull: await repository.pulls.get(pullNumber) }, login);
  if (kept) return { kept };
  return (await repository.commits.deleteBranch(branch)) ? { deleted: head } : { kept: 'protected' };
}
