import { createHash } from 'node:crypto';
import { Octokit } from '@octokit/rest';
import { answerOf, githubError } from '../../../github/errors.ts';
import { BanyanError } from '../../../kernel/errors.ts';
import { conflictsVersion } from '../../../domain/update-issue.ts';
import { Patience, setbackOf, type Outcome, type Setback } from '../../patience.ts';
import type { FileWrite } from '../apply.ts';
import { forIssues, orNull, statusOf, unwritable } from './answers.ts';
import type { UpdatePull } from './decide.ts';

export interface RemoteOptions {
  token: string;
  /** `owner/name`. */
  repository: string;
  api: string;
  signal?: AbortSignal | undefined;
  patience?: Patience;
}

export interface Issue {
  number: number;
  state: string;
  title: string;
  body: string;
  labels: string[];
}

export interface Opened {
  number: number;
  drafted: boolean;
}

export type Pull = UpdatePull & { body: string; title: string; nodeId: string };

interface RawCommit {
  message: string;
  tree: { sha: string };
  parents: { sha: string }[];
}

/** How GitHub calls those who may have write access. */
const WRITERS = ['OWNER', 'MEMBER', 'COLLABORATOR'];

interface Authored {
  user?: { type?: string } | null;
  author_association?: string;
  pull_request?: unknown;
}

/** Whether it is an issue of a bot or of a person with write access: everybody else can write markers, too. */
function isTrusted({ user, author_association: who, pull_request: pull }: Authored): boolean {
  return !pull && (user?.type === 'Bot' || WRITERS.includes(who ?? ''));
}

function signOf(marker: string): string {
  return `<!-- banyan-update: ${marker} -->`;
}

const TRAILER = 'Banyan-Update';

/** What only a commit of ours has: it names its own tree and parent, so that whatever was pushed on top or amended is told apart. */
function sealOf(tree: string, parents: readonly string[]): string {
  return createHash('sha256')
    .update([tree, ...parents].join(':'))
    .digest('hex');
}

function isOurs({ message, tree, parents }: RawCommit): boolean {
  const said = new RegExp(`^${TRAILER}: ([0-9a-f]{64})$`, 'm').exec(message)?.[1];
  return (
    said ===
    sealOf(
      tree.sha,
      parents.map(({ sha }) => sha),
    )
  );
}

/** What is worth another try; a limit is never taken for a missing permission. */
function judge(outcome: Outcome<{ status: number; headers: object; data: unknown }>): Setback {
  if ('value' in outcome) return setbackOf({ ...outcome.value, headers: { ...outcome.value.headers } });
  const answer = answerOf(outcome.error);
  if (answer !== null) return setbackOf(answer);
  return githubError(outcome.error).code === 'github_unavailable' ? { kind: 'fault' } : null;
}

const QUIET = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The child's repository at GitHub, as far as an update needs it. */
export class Remote {
  private readonly octokit: Octokit;
  private readonly at: { owner: string; repo: string };

  constructor({ token, repository, api, signal, patience = new Patience({ signal }) }: RemoteOptions) {
    const [owner = '', repo = '', ...rest] = repository.split('/');
    if (!owner || !repo || rest.length > 0) {
      throw new BanyanError('config_invalid', `GITHUB_REPOSITORY is "${repository}", which is not owner/name.`, {
        fix: 'Set it as GitHub Actions does: acme/shop',
      });
    }
    this.at = { owner, repo };
    this.octokit = new Octokit({ auth: token, baseUrl: api, log: QUIET, ...(signal ? { request: { signal } } : {}) });
    this.octokit.hook.wrap('request', (send, options) => patience.ask(options.method === 'GET', async () => send(options), judge));
  }

  async defaultBranch(): Promise<{ name: string; head: string }> {
    const { data } = await this.octokit.rest.repos.get(this.at);
    const head = await this.head(data.default_branch);
    if (head === null) throw new BanyanError('not_found', `The branch ${data.default_branch} is not at GitHub.`, { fix: 'Push it first.' });
    return { name: data.default_branch, head };
  }

  async head(branch: string): Promise<string | null> {
    const found = await orNull(this.octokit.rest.git.getRef({ ...this.at, ref: `heads/${branch}` }));
    return found?.data.object.sha ?? null;
  }

  async branchState(branch: string): Promise<{ state: 'absent' | 'ours' | 'theirs'; head: string | null }> {
    const head = await this.head(branch);
    if (head === null) return { state: 'absent', head };
    const { data } = await this.octokit.rest.git.getCommit({ ...this.at, commit_sha: head });
    return { state: isOurs(data) ? 'ours' : 'theirs', head };
  }

  /** Of all states, newest first. Branches of forks are somebody else's. */
  async updatePulls(): Promise<Pull[]> {
    const pulls = await this.octokit.paginate(this.octokit.rest.pulls.list, { ...this.at, state: 'all', per_page: 100 });
    const full = `${this.at.owner}/${this.at.repo}`.toLowerCase();
    return pulls
      .filter(({ head }) => head.ref.startsWith('banyan/template-v') && head.repo?.full_name.toLowerCase() === full)
      .map((pull) => ({
        number: pull.number,
        nodeId: pull.node_id,
        branch: pull.head.ref,
        head: pull.head.sha,
        state: pull.state === 'open' ? ('open' as const) : ('closed' as const),
        merged: pull.merged_at !== null,
        draft: pull.draft === true,
        body: pull.body ?? '',
        title: pull.title,
      }))
      .toSorted((a, b) => b.number - a.number);
  }

  /**
   * A commit of these changes on top of another.
   * @returns null where the token may not write one of the paths
   */
  async commit(writes: readonly FileWrite[], message: string, parent: string): Promise<string | null> {
    try {
      const { data: base } = await this.octokit.rest.git.getCommit({ ...this.at, commit_sha: parent });
      const tree = await Promise.all(writes.map((write) => this.treeItem(write)));
      const { data: made } = await this.octokit.rest.git.createTree({ ...this.at, base_tree: base.tree.sha, tree });
      const sealed = `${message}\n\n${TRAILER}: ${sealOf(made.sha, [parent])}\n`;
      const { data } = await this.octokit.rest.git.createCommit({ ...this.at, tree: made.sha, parents: [parent], message: sealed });
      return data.sha;
    } catch (error) {
      if ([403, 404].includes(statusOf(error) ?? 0)) return null;
      throw error;
    }
  }

  private async treeItem({ path, content, mode }: FileWrite) {
    const item = { path, mode: (mode & 0o100) === 0 ? ('100644' as const) : ('100755' as const), type: 'blob' as const };
    if (content === null) return { ...item, sha: null };
    if (typeof content === 'string') return { ...item, content };
    const { data } = await this.octokit.rest.git.createBlob({ ...this.at, content: content.toString('base64'), encoding: 'base64' });
    return { ...item, sha: data.sha };
  }

  /** The tree and the parent of a commit: two with the same are the same work. */
  async contentOf(commit: string): Promise<string> {
    const { data } = await this.octokit.rest.git.getCommit({ ...this.at, commit_sha: commit });
    return [data.tree.sha, ...data.parents.map(({ sha }) => sha)].join(':');
  }

  /**
   * Moves a branch only while its head is what was seen.
   * @returns 'moved', 'denied' (the token may not), or 'raced' (somebody else has pushed meanwhile)
   */
  async moveBranch(branch: string, expected: string | null, sha: string): Promise<'moved' | 'denied' | 'raced'> {
    try {
      if (expected === null) {
        await this.octokit.rest.git.createRef({ ...this.at, ref: `refs/heads/${branch}`, sha });
        return 'moved';
      }
      // GitHub's API has no lease; asking directly before leaves a moment that is as short as it can be.
      if ((await this.head(branch)) !== expected) return 'raced';
      await this.octokit.rest.git.updateRef({ ...this.at, ref: `heads/${branch}`, sha, force: true });
      return 'moved';
    } catch (error) {
      const status = statusOf(error);
      if (status === 403 || status === 404) return 'denied';
      if (status !== 422) throw error;
      if (expected === null && (await this.head(branch)) !== null) return 'raced';
      throw unwritable(branch, error);
    }
  }

  /**
   * @param body for a draft, and for what should be one where GitHub offers none
   * @returns its number, and whether it is as much of a draft as was asked for
   */
  async openPull(pull: { title: string; body(this: void, drafted: boolean): string; head: string; base: string; draft: boolean }): Promise<Opened> {
    const create = async (draft: boolean, drafted: boolean) => {
      const { data } = await this.octokit.rest.pulls.create({ ...this.at, ...pull, draft, body: pull.body(drafted) });
      return { number: data.number, drafted };
    };
    try {
      return await create(pull.draft, true);
    } catch (error) {
      if (statusOf(error) === 403) {
        throw new BanyanError('forbidden', 'GitHub does not let this token open a pull request.', {
          fix: 'Settings > Actions > General > Workflow permissions: allow GitHub Actions to create pull requests.',
          cause: error,
        });
      }
      if (statusOf(error) !== 422) throw error;
      // Another run was quicker.
      const { data } = await this.octokit.rest.pulls.list({ ...this.at, state: 'open', head: `${this.at.owner}:${pull.head}` });
      const there = data.find(({ head }) => head.ref === pull.head);
      if (there) return { number: there.number, drafted: !pull.draft || there.draft === true };
      // Some plans have no drafts in private repositories.
      if (!pull.draft) throw error;
      return create(false, false);
    }
  }

  async editPull(number: number, change: { title?: string; body?: string; state?: 'closed' }): Promise<void> {
    await this.octokit.rest.pulls.update({ ...this.at, pull_number: number, ...change });
  }

  /** @returns whether GitHub has done it: some plans have no drafts, and some tokens may not */
  async setDraft(nodeId: string, draft: boolean): Promise<boolean> {
    const name = draft ? 'convertPullRequestToDraft' : 'markPullRequestReadyForReview';
    try {
      await this.octokit.graphql(`mutation($id: ID!) { ${name}(input: {pullRequestId: $id}) { pullRequest { isDraft } } }`, { id: nodeId });
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'GraphqlResponseError') return false;
      throw error;
    }
  }

  /** Says something once: the marker tells a later run that it was said. */
  async sayOnce(number: number, marker: string, text: string): Promise<void> {
    if (await this.isSaid(number, marker)) return;
    await this.octokit.rest.issues.createComment({ ...this.at, issue_number: number, body: `${text}\n\n${signOf(marker)}` });
  }

  async isSaid(number: number, marker: string): Promise<boolean> {
    const comments = await this.octokit.paginate(this.octokit.rest.issues.listComments, { ...this.at, issue_number: number, per_page: 100 });
    return comments.some(({ body }) => body?.includes(signOf(marker)));
  }

  /** Whether somebody with write access has said so in a comment of one line. */
  async isTold(number: number, command: string): Promise<boolean> {
    const comments = await this.octokit.paginate(this.octokit.rest.issues.listComments, { ...this.at, issue_number: number, per_page: 100 });
    const said = comments.filter(({ body, author_association: who }) => body?.trim() === command && WRITERS.includes(who ?? ''));
    for (const login of new Set(said.flatMap(({ user }) => user?.login ?? []))) if (await this.mayWrite(login)) return true;
    return false;
  }

  /** A member or collaborator may be one who only reads. */
  private async mayWrite(username: string): Promise<boolean> {
    const asked = this.octokit.rest.repos.getCollaboratorPermissionLevel({ ...this.at, username });
    const found = await orNull(asked).catch((error: unknown) => {
      // A token that may not ask knows of nobody's access.
      if (statusOf(error) === 403) return null;
      throw error;
    });
    return found !== null && ['admin', 'write'].includes(found.data.permission);
  }

  /** Of all states, newest first. By whoever may open issues with markers: only those of bots and of people with write access count. */
  async findIssues(has: (body: string) => boolean): Promise<Issue[]> {
    const issues = await forIssues(this.octokit.paginate(this.octokit.rest.issues.listForRepo, { ...this.at, state: 'all', per_page: 100 }));
    return issues
      .filter((issue) => isTrusted(issue) && has(issue.body ?? ''))
      .map(({ number, state, title, body, labels }) => ({
        number,
        state,
        title,
        body: body ?? '',
        labels: labels.map((label) => (typeof label === 'string' ? label : (label.name ?? ''))),
      }))
      .toSorted((a, b) => b.number - a.number);
  }

  async editIssue(number: number, change: { title: string; body: string }): Promise<void> {
    await forIssues(this.octokit.rest.issues.update({ ...this.at, issue_number: number, ...change }));
  }

  async issueAbout(number: number): Promise<{ number: number; state: string; body: string } | null> {
    const found = await orNull(this.octokit.rest.issues.get({ ...this.at, issue_number: number }));
    return found && { number, state: found.data.state, body: found.data.body ?? '' };
  }

  /** Open pull requests of bots into the branch of an update. */
  async resolutionPulls(): Promise<{ number: number; body: string; base: string }[]> {
    const pulls = await this.octokit.paginate(this.octokit.rest.pulls.list, { ...this.at, state: 'open', per_page: 100 });
    return pulls
      .filter(({ base, head, user }) => base.ref.startsWith('banyan/template-v') && head.repo?.id === base.repo.id && user?.type === 'Bot')
      .map(({ number, body, base }) => ({ number, body: body ?? '', base: base.ref }));
  }

  /** Whether nobody but bots has a commit in a pull request. */
  async isOfBots(number: number): Promise<boolean> {
    const commits = await this.octokit.paginate(this.octokit.rest.pulls.listCommits, { ...this.at, pull_number: number, per_page: 100 });
    return commits.every(({ author }) => author?.type === 'Bot');
  }

  async openIssue(issue: { title: string; body: string }): Promise<number> {
    return (await forIssues(this.octokit.rest.issues.create({ ...this.at, ...issue }))).data.number;
  }

  /** Open issues that ask for the resolution of conflicts, of whatever version. */
  async openConflictIssues(): Promise<{ number: number; version: string }[]> {
    const issues = await forIssues(this.octokit.paginate(this.octokit.rest.issues.listForRepo, { ...this.at, state: 'open', per_page: 100 }));
    return issues.filter(isTrusted).flatMap(({ number, body }) => {
      const version = conflictsVersion(body ?? '');
      return version === null ? [] : [{ number, version }];
    });
  }

  async closeIssue(number: number, reason: 'completed' | 'not_planned'): Promise<void> {
    await forIssues(this.octokit.rest.issues.update({ ...this.at, issue_number: number, state: 'closed', state_reason: reason }));
  }

  async addLabel(number: number, label: string): Promise<void> {
    await forIssues(this.octokit.rest.issues.addLabels({ ...this.at, issue_number: number, labels: [label] }));
  }

  /** Whether an issue ever got a label. */
  async wasLabelled(number: number, label: string): Promise<boolean> {
    const events = await this.octokit.paginate(this.octokit.rest.issues.listEvents, { ...this.at, issue_number: number, per_page: 100 });
    return events.some((event) => event.event === 'labeled' && 'label' in event && event.label.name === label);
  }

  /** Files to which a pull request adds what looks like a marker; of a large file there is no patch to tell. */
  async markedFiles(pull: number): Promise<string[]> {
    const files = await this.octokit.paginate(this.octokit.rest.pulls.listFiles, { ...this.at, pull_number: pull, per_page: 100 });
    const suspects = files.filter(({ status, patch }) => status !== 'removed' && (patch === undefined || /^\+(?:<{7}|\|{7}|>{7})/m.test(patch)));
    return suspects.map(({ filename }) => filename);
  }

  async hasLabel(name: string): Promise<boolean> {
    return (await orNull(this.octokit.rest.issues.getLabel({ ...this.at, name }))) !== null;
  }

  /** The text of a file on a branch; null where there is none. */
  async text(path: string, ref: string): Promise<string | null> {
    const found = await orNull(this.octokit.rest.repos.getContent({ ...this.at, path, ref }));
    if (found === null || Array.isArray(found.data) || found.data.type !== 'file') return null;
    return Buffer.from(found.data.content, 'base64').toString('utf8');
  }
}
