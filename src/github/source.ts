import type { Calls } from './calls.ts';
import { githubError } from './errors.ts';

/** Reading the repository's files. */
export interface Source {
  defaultBranch(): Promise<string>;
  /** Commit at the head of a branch, or null where there is no such branch. */
  head(branch: string): Promise<string | null>;
  /** The commit from which a branch and a commit went apart. */
  mergeBase(branch: string, sha: string): Promise<string>;
  /** Paths that differ between two commits of one history, both names of a renamed file; null where GitHub does not list them all. */
  changedPaths(from: string, to: string): Promise<string[] | null>;
  /** A text file, or null. Files over 1 MB come back null: GitHub does not send them here. */
  file(path: string, ref: string): Promise<string | null>;
  /** The whole tree at a commit, gzipped tar as GitHub makes it. */
  tarball(sha: string): Promise<Uint8Array>;
}

/** GitHub lists no more files of a comparison. */
const COMPARED_FILES = 300;

export function createSource({ octokit, owner, repo, ask, find }: Calls): Source {
  const at = { owner, repo };
  return {
    async defaultBranch() {
      const { data } = await ask(() => octokit.rest.repos.get(at));
      return data.default_branch;
    },
    async head(branch) {
      try {
        const answer = await find(() => octokit.rest.git.getRef({ ...at, ref: `heads/${branch}` }));
        return answer?.data.object.sha ?? null;
      } catch (thrown) {
        // A repository without any commit answers 409 to every question about refs.
        if (githubError(thrown).data['status'] === 409) return null;
        throw thrown;
      }
    },
    async mergeBase(branch, sha) {
      const { data } = await ask(() => octokit.rest.repos.compareCommitsWithBasehead({ ...at, basehead: `${branch}...${sha}`, per_page: 1 }));
      return data.merge_base_commit.sha;
    },
    async changedPaths(from, to) {
      const { data } = await ask(() => octokit.rest.repos.compareCommitsWithBasehead({ ...at, basehead: `${from}...${to}`, per_page: 100 }));
      const files = data.files ?? [];
      if (data.behind_by > 0 || files.length >= COMPARED_FILES) return null;
      return files.flatMap((file) => [file.filename, file.previous_filename ?? file.filename]);
    },
    async file(path, ref) {
      const answer = await find(() => octokit.rest.repos.getContent({ ...at, path, ref }));
      const data = answer?.data;
      if (!data || Array.isArray(data) || data.type !== 'file' || !('content' in data) || data.encoding !== 'base64') return null;
      return Buffer.from(data.content, 'base64').toString('utf8');
    },
    async tarball(sha) {
      const { data } = await ask(() => octokit.rest.repos.downloadTarballArchive({ ...at, ref: sha, request: { parseSuccessResponseBody: true } }));
      return new Uint8Array(data as ArrayBuffer);
    },
  };
}
