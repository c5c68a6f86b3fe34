import { closingReferences } from '../actions/closing.ts';
import { actorRole } from '../core/access.ts';
import { nodeId, parseNodeId } from '../core/ids.ts';
import type { Issue, IssueComment, JsonObject, Label, Repository, Review, ReviewComment } from '../core/model.ts';
import { sum } from '../render/commits.ts';
import { issueNodeId, labelsOf } from '../render/issues.ts';
import type { PullIssue } from '../render/pulls.ts';
import { baseShaOf, isPull, pullCommits, pullFiles, renderPull } from '../render/pulls.ts';
import { pageUrl } from '../render/repositories.ts';
import type { ConnectionArguments, Context } from './context.ts';
import { connect, isVisible } from './context.ts';
import { actorObject, commitObject, gitObject, refObject, resolveExpression, userObject } from './git-objects.ts';

type Resolvable = JsonObject;

export function repositoryObject(context: Context, repository: Repository): Resolvable {
  const { settings } = repository;
  const git = context.forge.git(repository);
  const ref = (name: string) => withRepository(context, repository, refObject(context, repository, name));
  const issueBy = ({ number }: { number: number }) => repository.issues.find((candidate) => candidate.number === number);
  const pullBy = (args: { number: number }) => {
    const issue = issueBy(args);
    return issue !== undefined && isPull(issue) ? pullObject(context, repository, issue) : null;
  };
  const plainIssue = (args: { number: number }) => {
    const issue = issueBy(args);
    return issue?.pull === null ? issueObject(context, repository, issue) : null;
  };
  return {
    __typename: 'Repository',
    id: nodeId('R', repository.id),
    databaseId: repository.id,
    name: repository.name,
    nameWithOwner: `${repository.owner}/${repository.name}`,
    description: repository.description,
    url: pageUrl(context.forge, repository),
    isPrivate: repository.private,
    isEmpty: git.refs.list('refs/heads/').size === 0,
    owner: () => actorObject(context, repository.owner),
    autoMergeAllowed: settings.allowAutoMerge,
    mergeCommitAllowed: settings.allowMergeCommit,
    squashMergeAllowed: settings.allowSquashMerge,
    rebaseMergeAllowed: settings.allowRebaseMerge,
    deleteBranchOnMerge: settings.deleteBranchOnMerge,
    viewerPermission: actorRole(context.forge.store, repository, context.actor)?.toUpperCase() ?? null,
    defaultBranchRef: () => ref(`refs/heads/${repository.defaultBranch}`),
    ref: ({ qualifiedName }: { qualifiedName: string }) => {
      const names = qualifiedName.startsWith('refs/')
        ? [qualifiedName]
        : [`refs/${qualifiedName}`, `refs/heads/${qualifiedName}`, `refs/tags/${qualifiedName}`];
      return names.map(ref).find((found) => found !== null) ?? null;
    },
    refs: (args: ConnectionArguments & { refPrefix: string; query?: string | null }) => {
      const names = [...git.refs.list(args.refPrefix).keys()].filter((name) => name.includes(args.query ?? ''));
      return connect(names, args, ref);
    },
    object: ({ expression, oid }: { expression?: string | null; oid?: string | null }) => {
      if (oid != null) return gitObject(context, repository, oid);
      return expression == null ? null : resolveExpression(context, repository, expression);
    },
    issue: plainIssue,
    pullRequest: pullBy,
    issueOrPullRequest: (args: { number: number }) => plainIssue(args) ?? pullBy(args),
    issues: (args: ConnectionArguments & { states?: string[] | null; labels?: string[] | null }) => {
      const shown = repository.issues.filter(
        (issue) =>
          issue.pull === null &&
          (args.states == null || args.states.includes(issue.state.toUpperCase())) &&
          (args.labels == null || labelsOf(repository, issue).some((label) => args.labels?.includes(label.name))),
      );
      return connect(shown, args, (issue) => issueObject(context, repository, issue));
    },
    pullRequests: (args: ConnectionArguments & { states?: string[] | null; headRefName?: string | null; baseRefName?: string | null }) => {
      const shown = repository.issues
        .filter(isPull)
        .filter(
          (issue) =>
            (args.states == null || args.states.includes(pullState(issue))) &&
            (args.headRefName == null || issue.pull.headRef === args.headRefName) &&
            (args.baseRefName == null || issue.pull.baseRef === args.baseRefName),
        );
      return connect(shown, args, (issue) => pullObject(context, repository, issue));
    },
    labels: (args: ConnectionArguments) => connect(repository.labels, args, labelObject),
  };
}

function withRepository(context: Context, repository: Repository, ref: Resolvable | null): Resolvable | null {
  return ref === null ? null : { ...ref, repository: () => repositoryObject(context, repository) };
}

export function refOf(context: Context, repository: Repository, name: string): Resolvable | null {
  return withRepository(context, repository, refObject(context, repository, name));
}

function labelObject(label: Label): Resolvable {
  return { __typename: 'Label', id: nodeId('LA', label.id), name: label.name, color: label.color, description: label.description, isDefault: label.isDefault };
}

/** What issues and pull requests have in common. */
function conversation(context: Context, repository: Repository, issue: Issue): Resolvable {
  const comments = () => repository.comments.filter((comment) => comment.issueNumber === issue.number);
  return {
    id: issueNodeId(issue),
    number: issue.number,
    title: issue.title,
    body: issue.body ?? '',
    createdAt: issue.createdAt,
    updatedAt: issue.updatedAt,
    url: `${pageUrl(context.forge, repository)}/${issue.pull === null ? 'issues' : 'pull'}/${issue.number}`,
    author: () => actorObject(context, issue.author),
    closedAt: issue.closedAt,
    closed: issue.state === 'closed',
    locked: issue.locked,
    repository: () => repositoryObject(context, repository),
    labels: (args: ConnectionArguments) => connect(labelsOf(repository, issue), args, labelObject),
    assignees: (args: ConnectionArguments) => connect(issue.assignees, args, (login) => userObject(context, login)),
    comments: (args: ConnectionArguments) => connect(comments(), args, (comment) => commentObject(context, repository, comment)),
  };
}

function issueObject(context: Context, repository: Repository, issue: Issue): Resolvable {
  const byId = (id: number) => context.forge.store.issueById(id);
  const above = issue.parentId === null ? undefined : byId(issue.parentId);
  return {
    __typename: 'Issue',
    ...conversation(context, repository, issue),
    databaseId: issue.id,
    state: issue.state.toUpperCase(),
    stateReason: issue.stateReason?.toUpperCase() ?? null,
    parent: () => (above === undefined ? null : issueObject(context, above.repository, above.issue)),
    subIssues: (args: ConnectionArguments) =>
      connect(
        issue.subIssueIds.flatMap((id) => byId(id) ?? []),
        args,
        (found) => issueObject(context, found.repository, found.issue),
      ),
  };
}

function commentObject(context: Context, repository: Repository, comment: IssueComment): Resolvable {
  return {
    __typename: 'IssueComment',
    id: nodeId('IC', comment.id),
    databaseId: comment.id,
    body: comment.body,
    author: () => actorObject(context, comment.author),
    url: `${pageUrl(context.forge, repository)}/issues/${comment.issueNumber}#issuecomment-${comment.id}`,
    createdAt: comment.createdAt,
    updatedAt: comment.updatedAt,
    isMinimized: false,
  };
}

function pullState(issue: PullIssue): string {
  return issue.pull.mergedAt === null ? issue.state.toUpperCase() : 'MERGED';
}

export function pullObject(context: Context, repository: Repository, issue: PullIssue): Resolvable {
  const { forge } = context;
  const { pull } = issue;
  const files = () => pullFiles(forge, repository, issue);
  const rest = () => renderPull(forge, repository, issue);
  const merge = pull.autoMerge;
  const states: Record<string, string> = { true: 'MERGEABLE', false: 'CONFLICTING' };
  const threads = () => repository.reviewComments.filter((comment) => comment.pullNumber === issue.number && comment.inReplyTo === null);
  return {
    __typename: 'PullRequest',
    ...conversation(context, repository, issue),
    databaseId: pull.id,
    state: pullState(issue),
    isDraft: pull.draft,
    merged: pull.mergedAt !== null,
    mergedAt: pull.mergedAt,
    mergeCommit: () => (pull.mergeCommitSha === null ? null : commitObject(context, repository, pull.mergeCommitSha)),
    mergeable: async () => states[String((await rest()).mergeable)] ?? 'UNKNOWN',
    mergeStateStatus: async () => String((await rest()).mergeable_state).toUpperCase(),
    headRefName: pull.headRef,
    headRefOid: pull.headSha,
    baseRefName: pull.baseRef,
    baseRefOid: () => baseShaOf(forge, repository, issue),
    headRef: () => refOf(context, repository, `refs/heads/${pull.headRef}`),
    baseRef: () => refOf(context, repository, `refs/heads/${pull.baseRef}`),
    additions: async () => sum(await files(), 'additions'),
    deletions: async () => sum(await files(), 'deletions'),
    changedFiles: async () => (await files()).length,
    reviewDecision: () => reviewDecision(repository, issue),
    autoMergeRequest: () => (merge === null ? null : { mergeMethod: merge.method.toUpperCase(), enabledBy: () => actorObject(context, merge.by) }),
    commits: (args: ConnectionArguments) =>
      connect(pullCommits(forge, repository, issue), args, (sha) => ({
        id: nodeId('C', `${issue.number}:${sha}`),
        commit: () => commitObject(context, repository, sha),
      })),
    reviews: (args: ConnectionArguments) =>
      connect(
        repository.reviews.filter((review) => review.pullNumber === issue.number && review.state !== 'PENDING'),
        args,
        (review) => reviewObject(context, repository, review),
      ),
    reviewThreads: (args: ConnectionArguments) => connect(threads(), args, (comment) => threadObject(context, repository, comment)),
    closingIssuesReferences: (args: ConnectionArguments) => {
      const numbers = closingReferences(issue.body ?? '', repository);
      const closing = repository.issues.filter((candidate) => candidate.pull === null && numbers.includes(candidate.number));
      return connect(closing, args, (candidate) => issueObject(context, repository, candidate));
    },
  };
}

/** The last verdict of each reviewer counts. */
function reviewDecision(repository: Repository, issue: PullIssue): string | null {
  const verdicts = new Map<string, string>();
  for (const review of repository.reviews) {
    if (review.pullNumber === issue.number && ['APPROVED', 'CHANGES_REQUESTED', 'DISMISSED'].includes(review.state)) verdicts.set(review.author, review.state);
  }
  const states = [...verdicts.values()];
  if (states.includes('CHANGES_REQUESTED')) return 'CHANGES_REQUESTED';
  return states.includes('APPROVED') ? 'APPROVED' : null;
}

function reviewObject(context: Context, repository: Repository, review: Review): Resolvable {
  const mine = () => repository.reviewComments.filter((comment) => comment.reviewId === review.id);
  return {
    __typename: 'PullRequestReview',
    id: nodeId('PRR', review.id),
    databaseId: review.id,
    body: review.body,
    state: review.state,
    submittedAt: review.submittedAt,
    author: () => actorObject(context, review.author),
    commit: () => commitObject(context, repository, review.commitSha),
    url: `${pageUrl(context.forge, repository)}/pull/${review.pullNumber}#pullrequestreview-${review.id}`,
    comments: (args: ConnectionArguments) => connect(mine(), args, (comment) => reviewCommentObject(context, repository, comment)),
  };
}

function reviewCommentObject(context: Context, repository: Repository, comment: ReviewComment): Resolvable {
  return {
    __typename: 'PullRequestReviewComment',
    id: nodeId('PRRC', comment.id),
    databaseId: comment.id,
    body: comment.body,
    path: comment.path,
    line: comment.line,
    startLine: comment.startLine,
    diffHunk: comment.diffHunk,
    author: () => actorObject(context, comment.author),
    createdAt: comment.createdAt,
    url: `${pageUrl(context.forge, repository)}/pull/${comment.pullNumber}#discussion_r${comment.id}`,
  };
}

/** A thread is named by its first comment. */
export function threadObject(context: Context, repository: Repository, root: ReviewComment): Resolvable {
  const all = () => repository.reviewComments.filter((comment) => comment === root || comment.inReplyTo === root.id);
  const head = repository.issues.find((issue) => issue.number === root.pullNumber)?.pull?.headSha;
  return {
    __typename: 'PullRequestReviewThread',
    id: nodeId('PRRT', root.id),
    isResolved: root.resolvedBy !== null,
    isOutdated: head !== root.commitSha,
    path: root.path,
    line: root.line,
    startLine: root.startLine,
    diffSide: root.side,
    resolvedBy: () => userObject(context, root.resolvedBy),
    comments: (args: ConnectionArguments) => connect(all(), args, (comment) => reviewCommentObject(context, repository, comment)),
  };
}

type Finder = (context: Context, repository: Repository, id: number) => Resolvable | null | undefined;

const FINDERS: Record<string, Finder> = {
  R: (context, repository, id) => (repository.id === id ? repositoryObject(context, repository) : null),
  I: (context, repository, id) => {
    const issue = repository.issues.find((candidate) => candidate.id === id && candidate.pull === null);
    return issue && issueObject(context, repository, issue);
  },
  PR: (context, repository, id) => {
    const issue = repository.issues.find((candidate) => candidate.pull?.id === id);
    return issue !== undefined && isPull(issue) ? pullObject(context, repository, issue) : null;
  },
  IC: (context, repository, id) => {
    const comment = repository.comments.find((candidate) => candidate.id === id);
    return comment && commentObject(context, repository, comment);
  },
  LA: (_context, repository, id) => {
    const label = repository.labels.find((candidate) => candidate.id === id);
    return label && labelObject(label);
  },
  PRR: (context, repository, id) => {
    const review = repository.reviews.find((candidate) => candidate.id === id);
    return review && reviewObject(context, repository, review);
  },
  PRRC: (context, repository, id) => {
    const comment = repository.reviewComments.find((candidate) => candidate.id === id);
    return comment && reviewCommentObject(context, repository, comment);
  },
  PRRT: (context, repository, id) => {
    const comment = repository.reviewComments.find((candidate) => candidate.id === id);
    return comment && threadObject(context, repository, comment);
  },
};

/** Any object by its node id; null when there is none that the viewer may see. */
export function nodeObject(context: Context, id: string): Resolvable | null {
  const parsed = parseNodeId(id);
  if (parsed === undefined) return null;
  const { repositories, root } = context.forge.store;
  const account = ['U', 'O', 'BOT'].includes(parsed.kind) ? root.accounts.find((candidate) => candidate.id === Number(parsed.id)) : undefined;
  if (account !== undefined) return actorObject(context, account.login);
  const [repositoryId = '', rest = ''] = parsed.id.split(/:(.*)/s);
  const owner = repositories.find((candidate) => candidate.id === Number(repositoryId) && isVisible(context, candidate));
  if (parsed.kind === 'REF') return owner === undefined ? null : refOf(context, owner, rest);
  if (['C', 'T', 'B', 'TA'].includes(parsed.kind)) return owner === undefined ? null : gitObject(context, owner, rest);
  for (const repository of repositories) {
    const found = isVisible(context, repository) ? FINDERS[parsed.kind]?.(context, repository, Number(parsed.id)) : undefined;
    if (found != null) return found;
  }
  return null;
}
