import type { IssueFacts } from '../domain/trigger.ts';
import type { RepositoryPermission } from '../domain/permission.ts';
import type { Calls } from './calls.ts';

export interface IssueComment {
  id: number;
  body: string;
  author: string;
  url: string;
}

/** What somebody said on an issue. */
export interface ThreadComment {
  id: number;
  author: string;
  bot: boolean;
  body: string;
}

/** An issue, or a pull request in the form of one, as a list shows it. */
export interface ListedIssue {
  number: number;
  state: 'open' | 'closed';
  labels: string[];
  /** How many comments it has. */
  comments: number;
  closedBy: string | null;
}

/** Issues, their comments, labels and reactions; and who may do what. */
export interface Issues {
  get(number: number): Promise<IssueFacts & ListedIssue>;
  /** Open issues and pull requests, the newest first, a hundred a page; `whole` where there are no more. */
  listOpen(pages: number): Promise<{ issues: ListedIssue[]; whole: boolean }>;
  permission(login: string): Promise<RepositoryPermission>;
  react(target: { number: number; commentId?: number }, content: 'eyes'): Promise<void>;
  comment(number: number, body: string): Promise<IssueComment>;
  editComment(id: number, body: string): Promise<void>;
  /** A no-op where it is gone. */
  deleteComment(id: number): Promise<void>;
  /** The newest comment of one author that contains the text, or null. */
  findComment(number: number, author: string, containing: string): Promise<IssueComment | null>;
  /** One comment as it is now; null where it is gone. */
  readComment(id: number): Promise<ThreadComment | null>;
  /** All comments, oldest first. */
  thread(number: number): Promise<ThreadComment[]>;
  addLabel(number: number, label: { name: string; color: string; description: string }): Promise<void>;
  removeLabel(number: number, name: string): Promise<void>;
  close(number: number): Promise<void>;
  open(title: string, body: string): Promise<number>;
  /** The newest issue of one author that contains the text, among the newest hundred of the repository; or null. */
  findIssue(author: string, containing: string): Promise<number | null>;
}

const PAGE = 100;
const PERMISSIONS: readonly string[] = ['admin', 'maintain', 'write', 'triage', 'read', 'none'];

function facts(issue: {
  number: number;
  title: string;
  body?: string | null;
  user: { login: string } | null;
  html_url: string;
  labels: (string | { name?: string })[];
}): IssueFacts {
  return {
    number: issue.number,
    title: issue.title,
    body: issue.body ?? '',
    author: issue.user?.login ?? 'ghost',
    url: issue.html_url,
    labels: issue.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? ''))),
  };
}

function listed(issue: {
  number: number;
  state: string;
  comments: number;
  labels: (string | { name?: string })[];
  closed_by?: { login: string } | null;
}): ListedIssue {
  const labels = issue.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? '')));
  const { number, comments } = issue;
  return { number, state: issue.state === 'closed' ? 'closed' : 'open', labels, comments, closedBy: issue.closed_by?.login ?? null };
}

function said(comment: { id: number; body?: string | null; user: { login: string; type: string } | null }): ThreadComment {
  return { id: comment.id, author: comment.user?.login ?? 'ghost', bot: comment.user?.type === 'Bot', body: comment.body ?? '' };
}

export function createIssues({ octokit, owner, repo, ask, find }: Calls): Issues {
  const at = { owner, repo };
  return {
    async get(number) {
      const { data } = await ask(() => octokit.rest.issues.get({ ...at, issue_number: number }));
      return { ...facts(data), ...listed(data) };
    },
    async listOpen(pages) {
      const issues: ListedIssue[] = [];
      for (let page = 1; page <= pages; page += 1) {
        const { data } = await ask(() => octokit.rest.issues.listForRepo({ ...at, state: 'open', per_page: PAGE, page }));
        issues.push(...data.map(listed));
        if (data.length < PAGE) return { issues, whole: true };
      }
      return { issues, whole: false };
    },
    async permission(login) {
      const answer = await find(() => octokit.rest.repos.getCollaboratorPermissionLevel({ ...at, username: login }));
      // `permission` folds maintain into write and triage into read; `role_name` is the finer word where GitHub sends one we know.
      const name = answer?.data.role_name && PERMISSIONS.includes(answer.data.role_name) ? answer.data.role_name : answer?.data.permission;
      return (PERMISSIONS.find((known) => known === name) ?? 'none') as RepositoryPermission;
    },
    async react({ number, commentId }, content) {
      if (commentId === undefined) await ask(() => octokit.rest.reactions.createForIssue({ ...at, issue_number: number, content }));
      else await find(() => octokit.rest.reactions.createForIssueComment({ ...at, comment_id: commentId, content }));
    },
    async comment(number, body) {
      const { data } = await ask(() => octokit.rest.issues.createComment({ ...at, issue_number: number, body }));
      return { id: data.id, body: data.body ?? '', author: data.user?.login ?? 'ghost', url: data.html_url };
    },
    async editComment(id, body) {
      await ask(() => octokit.rest.issues.updateComment({ ...at, comment_id: id, body }));
    },
    async deleteComment(id) {
      await find(() => octokit.rest.issues.deleteComment({ ...at, comment_id: id }));
    },
    async findComment(number, author, containing) {
      const comments = await ask(() => octokit.paginate(octokit.rest.issues.listComments, { ...at, issue_number: number, per_page: 100 }));
      const found = comments.findLast((comment) => comment.user?.login === author && comment.body?.includes(containing));
      return found ? { id: found.id, body: found.body ?? '', author, url: found.html_url } : null;
    },
    async readComment(id) {
      const found = await find(() => octokit.rest.issues.getComment({ ...at, comment_id: id }));
      return found ? said(found.data) : null;
    },
    async thread(number) {
      return (await ask(() => octokit.paginate(octokit.rest.issues.listComments, { ...at, issue_number: number, per_page: 100 }))).map(said);
    },
    async addLabel(number, { name, color, description }) {
      const exists = await find(() => octokit.rest.issues.getLabel({ ...at, name }));
      // Two workers may make the same label at once: the second is told it exists, which is what was wanted.
      if (!exists) await octokit.rest.issues.createLabel({ ...at, name, color, description }).catch(ignoreExisting);
      await ask(() => octokit.rest.issues.addLabels({ ...at, issue_number: number, labels: [name] }));
    },
    async removeLabel(number, name) {
      await find(() => octokit.rest.issues.removeLabel({ ...at, issue_number: number, name }));
    },
    async open(title, body) {
      return (await ask(() => octokit.rest.issues.create({ ...at, title, body }))).data.number;
    },
    async findIssue(author, containing) {
      const { data } = await ask(() => octokit.rest.issues.listForRepo({ ...at, state: 'all', per_page: PAGE }));
      return data.find((issue) => issue.user?.login === author && issue.body?.includes(containing) === true)?.number ?? null;
    },
    async close(number) {
      await ask(() => octokit.rest.issues.update({ ...at, issue_number: number, state: 'closed', state_reason: 'completed' }));
    },
  };
}

function ignoreExisting(thrown: unknown): void {
  if (!(thrown instanceof Error && 'status' in thrown && thrown.status === 422)) throw thrown;
}
