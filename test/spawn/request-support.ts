import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BOOK_PATH, readBook, type Book } from '../../src/spawn/book.ts';
import { requestUpdate, type RequestOptions, type RequestOutcome } from '../../src/spawn/update/request/request.ts';
import { withScratch } from '../../src/spawn/update/target.ts';
import type { Stand } from '../local-github/harness.ts';
import { withFaults, type Asked, type Fault } from './faults.ts';
import { addOrigin, commitAll, makeChild, makeMother, write, type Mother } from './mother.ts';

/** As GitHub answers to a token of Actions. */
export const noWorkflows = ({ url, method, body }: Asked): Fault | null =>
  method === 'POST' && url.endsWith('/git/trees') && body.includes('"path":".github/workflows')
    ? { status: 403, body: '{"message":"Resource not accessible by integration"}' }
    : null;

let count = 0;

/** A child at a first version of its mother, with a repository at the local GitHub. */
export async function openShop(stand: Stand, first: Mother) {
  const place = mkdtempSync(join(tmpdir(), 'update-shop-'));
  const [child, two] = [join(place, 'child'), join(place, 'two')];
  mkdirSync(child);
  makeChild(child, makeMother(join(place, 'one'), first));
  const { data } = await stand.maintainer.rest.repos.createForAuthenticatedUser({ name: `shop-${count++}` });
  const at = { owner: data.owner.login, repo: data.name };
  addOrigin(child, stand.url, data.full_name);
  // Not waited for in this thread: the server that answers lives in it.
  const inGit = (...args: string[]) => promisify(execFile)('git', args, { cwd: child });
  const { rest } = stand.maintainer;

  const shop = {
    at,
    place,
    child,
    /** The version that is proposed from now on. */
    offer: (mother: Mother) => makeMother(two, mother),
    /** A commit of a person on the default branch. */
    async edit(files: Record<string, string>): Promise<void> {
      write(child, files);
      commitAll(child);
      await inGit('push', '-q', 'origin', 'main');
    },
    async run(
      options: Partial<RequestOptions> = {},
      fault: (asked: Asked) => Fault | null = () => null,
      { running = two, variables = {} }: { running?: string; variables?: Record<string, string> } = {},
    ): Promise<RequestOutcome> {
      const env = { ...process.env, npm_config_cache: undefined, ...variables };
      const outcome = await withFaults(stand.url, fault, (api) => {
        const request: RequestOptions = {
          token: 'maintainer-token',
          repository: `${at.owner}/${at.repo}`,
          api,
          to: two,
          major: false,
          handover: () => Promise.resolve(null),
          ...options,
        };
        return withScratch((scratch) => requestUpdate(request, { root: child, running, scratch, commands: { cwd: child, env } }));
      });
      if (typeof outcome === 'number') throw new Error(`another version has done it, and ended with ${outcome}`);
      return outcome;
    },
    /** With the token that the shipped workflow has. */
    weakly: () => shop.run({}, noWorkflows),
    pulls: async () => (await rest.pulls.list({ ...at, state: 'all' })).data,
    pull: async (number: number | null) => (await rest.pulls.get({ ...at, pull_number: number ?? 0 })).data,
    issues: async () => (await rest.issues.listForRepo({ ...at, state: 'all' })).data.filter((issue) => !issue.pull_request),
    comments: async (number: number | null) =>
      (await rest.issues.listComments({ ...at, issue_number: number ?? 0 })).data.map(({ body }) => body ?? '').join('\n'),
    async merge(number: number | null, method: 'merge' | 'squash' = 'merge'): Promise<void> {
      await rest.pulls.merge({ ...at, pull_number: number ?? 0, merge_method: method });
      await inGit('pull', '-q', '--ff-only', 'origin', 'main');
    },
    async text(path: string, ref: string): Promise<string | null> {
      const found = await rest.repos.getContent({ ...at, path, ref }).catch((error: { status?: number }) => {
        if (error.status === 404) return null;
        throw error;
      });
      if (found === null || Array.isArray(found.data) || found.data.type !== 'file') return null;
      return Buffer.from(found.data.content, 'base64').toString();
    },
    /** A person pushes a file to a branch. */
    async pushTo(branch: string, path: string, content: string): Promise<void> {
      const { data: found } = await rest.repos.getContent({ ...at, path, ref: branch });
      const sha = Array.isArray(found) ? '' : found.sha;
      await rest.repos.createOrUpdateFileContents({ ...at, branch, path, sha, message: 'mine', content: Buffer.from(content).toString('base64') });
    },
    read: (path: string) => readFileSync(join(child, path), 'utf8'),
    book: (): Book => readBook(readFileSync(join(child, BOOK_PATH), 'utf8')),
    close: () => rmSync(place, { recursive: true, force: true }),
  };
  await shop.edit({});
  return shop;
}

export type Shop = Awaited<ReturnType<typeof openShop>>;
