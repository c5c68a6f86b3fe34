import { BanyanError } from '../kernel/errors.ts';
import type { Calls } from './calls.ts';
import { githubError } from './errors.ts';

export type CommitChange = { path: string; mode: '100644' | '100755' | '120000'; content: string } | { path: string; deleted: true };

export interface NewCommit {
  branch: string;
  /** The commit that the change was made on; another head on the branch is a conflict. */
  parent: string;
  headline: string;
  body: string;
  /** `content` is base64. */
  changes: CommitChange[];
  /** Paths of the changes whose mode at the parent differs from the wanted one, so that Git data must be used. */
  modesChange: boolean;
}

/** Branches and commits, made through the API so that they are signed as the App's. */
export interface Commits {
  /** Makes the branch at a commit; a branch that is there already stays as it is. */
  createBranch(branch: string, sha: string): Promise<void>;
  /** A no-op where it is gone. False where GitHub refuses, because the branch is protected or the default one. */
  deleteBranch(branch: string): Promise<boolean>;
  /** @throws BanyanError `conflict` where the branch's head is not `parent`. */
  commit(commit: NewCommit): Promise<{ sha: string }>;
  /** The commit on the branch, at most `depth` back, whose message contains the text; or null. */
  findByMessage(branch: string, containing: string, depth: number): Promise<{ sha: string } | null>;
}

const CREATE_COMMIT = `mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }`;

async function commitByGraphql(calls: Calls, commit: NewCommit): Promise<{ sha: string }> {
  const additions = commit.changes.filter((change) => 'content' in change).map(({ path, content }) => ({ path, contents: content }));
  const deletions = commit.changes.filter((change) => 'deleted' in change).map(({ path }) => ({ path }));
  const input = {
    branch: { repositoryNameWithOwner: `${calls.owner}/${calls.repo}`, branchName: commit.branch },
    expectedHeadOid: commit.parent,
    message: { headline: commit.headline, body: commit.body },
    fileChanges: { additions, deletions },
  };
  const answer = await calls.graphql<{ createCommitOnBranch: { commit: { oid: string } } }>(CREATE_COMMIT, { input });
  return { sha: answer.createCommitOnBranch.commit.oid };
}

/** `createCommitOnBranch` cannot set modes; Git data can, and stays verified as long as no author is given. */
async function commitByGitData(calls: Calls, commit: NewCommit): Promise<{ sha: string }> {
  const { octokit, owner, repo, ask } = calls;
  const at = { owner, repo };
  const parent = await ask(() => octokit.rest.git.getCommit({ ...at, commit_sha: commit.parent }));
  const tree = await Promise.all(
    commit.changes.map(async (change) => {
      if ('deleted' in change) return { path: change.path, mode: '100644' as const, type: 'blob' as const, sha: null };
      const blob = await ask(() => octokit.rest.git.createBlob({ ...at, content: change.content, encoding: 'base64' }));
      return { path: change.path, mode: change.mode, type: 'blob' as const, sha: blob.data.sha };
    }),
  );
  const made = await ask(() => octokit.rest.git.createTree({ ...at, base_tree: parent.data.tree.sha, tree }));
  const message = `${commit.headline}\n\n${commit.body}`;
  const { data } = await ask(() => octokit.rest.git.createCommit({ ...at, message, tree: made.data.sha, parents: [commit.parent] }));
  // Not forced: a head that has moved meanwhile is refused, as with expectedHeadOid.
  try {
    await octokit.rest.git.updateRef({ ...at, ref: `heads/${commit.branch}`, sha: data.sha, force: false });
  } catch (error) {
    if (error instanceof Error && 'status' in error && error.status === 422) {
      throw new BanyanError('conflict', `branch ${commit.branch} has moved`, { retry: 'transient', cause: error });
    }
    throw error;
  }
  return { sha: data.sha };
}

export function createCommits(calls: Calls): Commits {
  const { octokit, owner, repo, ask, find } = calls;
  const at = { owner, repo };
  return {
    async createBranch(branch, sha) {
      const exists = () => find(() => octokit.rest.git.getRef({ ...at, ref: `heads/${branch}` }));
      if (await exists()) return;
      try {
        await ask(() => octokit.rest.git.createRef({ ...at, ref: `refs/heads/${branch}`, sha }));
      } catch (thrown) {
        // Another worker, or an earlier request of this one whose answer was lost, made it in between.
        if (githubError(thrown).data['status'] !== 422 || !(await exists())) throw thrown;
      }
    },
    async deleteBranch(branch) {
      try {
        await ask(() => octokit.rest.git.deleteRef({ ...at, ref: `heads/${branch}` }));
        return true;
      } catch (thrown) {
        const { code, data } = githubError(thrown);
        if (code === 'not_found') return true;
        // 422 for one that is gone as well as for one that must stay.
        if (data['status'] === 422) return (await find(() => octokit.rest.git.getRef({ ...at, ref: `heads/${branch}` }))) === null;
        throw thrown;
      }
    },
    async commit(commit) {
      return commit.modesChange ? ask(() => commitByGitData(calls, commit)) : commitByGraphql(calls, commit);
    },
    async findByMessage(branch, containing, depth) {
      const answer = await find(() => octokit.rest.repos.listCommits({ ...at, sha: branch, per_page: depth }));
      const found = answer?.data.find((candidate) => candidate.commit.message.includes(containing));
      return found ? { sha: found.sha } : null;
    },
  };
}
