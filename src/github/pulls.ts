import type { Calls } from './calls.ts';
import { githubError } from './errors.ts';

export interface PullRequest {
  number: number;
  nodeId: string;
  url: string;
  title: string;
  body: string;
  author: string;
  draft: boolean;
  state: 'open' | 'closed';
  merged: boolean;
  headSha: string;
  headRef: string;
  baseRef: string;
}

export interface PullFile {
  path: string;
  status: string;
  /** The name in the base of a renamed file. */
  previousPath?: string;
  /** Unified diff hunks, none where a file is only renamed; null for binary or very large files. */
  patch: string | null;
}

export interface ReviewComment {
  path: string;
  line: number;
  body: string;
}

/** Pull requests and their reviews. */
export interface Pulls {
  get(number: number): Promise<PullRequest>;
  /** The open pull request of a branch of this repository, or null: forks of the same owner have branches of the same name. */
  findByBranch(branch: string): Promise<PullRequest | null>;
  open(pull: { title: string; body: string; branch: string; base: string }): Promise<PullRequest>;
  edit(number: number, change: { title?: string; body?: string }): Promise<void>;
  files(number: number): Promise<PullFile[]>;
  /** Who wrote its commits, by login; null for one whose author GitHub does not know. At most 250, as GitHub lists them. */
  authors(number: number): Promise<(string | null)[]>;
  /** Whether an open pull request is to be merged into the branch. */
  isBase(branch: string): Promise<boolean>;
  review(
    number: number,
    review: { sha: string; event: 'COMMENT' | 'REQUEST_CHANGES'; body: string; comments: ReviewComment[] },
  ): Promise<{ id: number; url: string }>;
  /** The review of one author that contains the text, or null. */
  findReview(number: number, author: string, containing: string): Promise<{ id: number; url: string } | null>;
  /** Takes a pull request out of draft; a no-op where it is not in draft. */
  markReady(number: number): Promise<void>;
}

interface RawPull {
  number: number;
  node_id: string;
  html_url: string;
  title: string;
  body: string | null;
  user: { login: string } | null;
  draft?: boolean | undefined;
  state: string;
  merged_at: string | null;
  head: { sha: string; ref: string };
  base: { ref: string };
}

interface RawFile {
  filename: string;
  status: string;
  changes: number;
  previous_filename?: string | undefined;
  patch?: string | undefined;
}

function toFile({ filename: path, status, changes, previous_filename: previous, patch }: RawFile): PullFile {
  if (status !== 'renamed' || previous === undefined) return { path, status, patch: patch ?? null };
  return { path, status, previousPath: previous, patch: patch ?? (changes === 0 ? '' : null) };
}

function toPull(raw: RawPull): PullRequest {
  return {
    number: raw.number,
    nodeId: raw.node_id,
    url: raw.html_url,
    title: raw.title,
    body: raw.body ?? '',
    author: raw.user?.login ?? 'ghost',
    draft: raw.draft ?? false,
    state: raw.state === 'closed' ? 'closed' : 'open',
    merged: raw.merged_at !== null,
    headSha: raw.head.sha,
    headRef: raw.head.ref,
    baseRef: raw.base.ref,
  };
}

const MARK_READY = 'mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }';

export function createPulls(calls: Calls): Pulls {
  const { octokit, owner, repo, ask } = calls;
  const at = { owner, repo };
  const get = async (number: number): Promise<PullRequest> => toPull((await ask(() => octokit.rest.pulls.get({ ...at, pull_number: number }))).data);
  async function findByBranch(branch: string): Promise<PullRequest | null> {
    const { data } = await ask(() => octokit.rest.pulls.list({ ...at, head: `${owner}:${branch}`, state: 'open', per_page: 10 }));
    const found = data.find((pull) => pull.head.ref === branch && pull.head.repo?.id === pull.base.repo.id);
    return found ? toPull(found) : null;
  }
  return {
    get,
    findByBranch,
    async open({ title, body, branch, base }) {
      const create = (draft: boolean) => ask(() => octokit.rest.pulls.create({ ...at, title, body, head: branch, base, draft }));
      try {
        return toPull((await create(true)).data);
      } catch (thrown) {
        // Private repositories of some plans have no drafts: GitHub answers 422, as it does for a pull request that cannot be made at all.
        if (githubError(thrown).data['status'] !== 422) throw thrown;
        // Or there is one by now: a branch has one that is open.
        const made = await findByBranch(branch);
        if (made) return made;
        return toPull((await create(false)).data);
      }
    },
    async edit(number, change) {
      await ask(() => octokit.rest.pulls.update({ ...at, pull_number: number, ...change }));
    },
    async files(number) {
      const files = await ask(() => octokit.paginate(octokit.rest.pulls.listFiles, { ...at, pull_number: number, per_page: 100 }));
      return files.map(toFile);
    },
    async authors(number) {
      const commits = await ask(() => octokit.paginate(octokit.rest.pulls.listCommits, { ...at, pull_number: number, per_page: 100 }));
      return commits.map((commit) => commit.author?.login ?? null);
    },
    async isBase(branch) {
      const { data } = await ask(() => octokit.rest.pulls.list({ ...at, base: branch, state: 'open', per_page: 1 }));
      return data.length > 0;
    },
    async review(number, { sha, event, body, comments }) {
      const { data } = await ask(() =>
        octokit.rest.pulls.createReview({
          ...at,
          pull_number: number,
          commit_id: sha,
          event,
          body,
          comments: comments.map((comment) => ({ ...comment, side: 'RIGHT' })),
        }),
      );
      return { id: data.id, url: data.html_url };
    },
    async findReview(number, author, containing) {
      const reviews = await ask(() => octokit.paginate(octokit.rest.pulls.listReviews, { ...at, pull_number: number, per_page: 100 }));
      const found = reviews.find((review) => review.user?.login === author && review.body.includes(containing));
      return found ? { id: found.id, url: found.html_url } : null;
    },
    async markReady(number) {
      const pull = await get(number);
      if (pull.draft && pull.state === 'open') await calls.graphql(MARK_READY, { id: pull.nodeId });
    },
  };
}
