import { createHash } from 'node:crypto';
import semver from 'semver';
import { z } from 'zod';
import { BOOK_PATH, givenHashes, hashOf, readBook, type Book } from '../book.ts';
import { request, rowsOf } from '../hub.ts';
import { renderTemplate } from '../render.ts';
import { ask, expectStatus, type Api } from '../services/http.ts';
import type { Template } from '../template.ts';
import { isRefusal, versionOf } from '../update/request/decide.ts';
import { BanyanError } from '../../kernel/errors.ts';

/** Files of the mother's that a child has other than it was given them. */
export interface Drift {
  /** Managed files that were edited: the child's own check fails. */
  managed: string[];
  /** Merged files that were edited, as they may be. */
  merged: number;
  /** Managed files that are gone. */
  missing: string[];
}

export interface LastCheck {
  at: string;
  /** `success`, `failure` and what else GitHub says of a run; `pull request` where no run is to be seen. */
  outcome: string;
  url: string;
}

export interface FleetChild {
  repository: string;
  url: string;
  private: boolean;
  domain: string;
  version: string;
  /** Null where nothing can be said of it. */
  drift: Drift | null;
  lastCheck: LastCheck | null;
  /** Versions whose pull request was closed unmerged, newest first. */
  refusals: string[];
  /** The pull request of an update that waits. */
  waiting: string | null;
  /** What kept us from seeing more. */
  problem: string | null;
  /** It is a child, and GitHub did not say all of it this time. */
  unseen: boolean;
}

export interface Fleet {
  /** The mother's version. */
  version: string;
  children: FleetChild[];
  /** Repositories that were looked at. */
  seen: number;
  /** More than were looked at: there may be children that are not here. */
  truncated: boolean;
  /** Repositories that could not be looked at, so that nobody knows whether they are children, and why. Whether they opted out is not known either. */
  unseen: { repository: string; private: boolean; why: string }[];
}

const repositorySchema = z.object({
  full_name: z.string(),
  html_url: z.string(),
  private: z.boolean(),
  archived: z.boolean().default(false),
  default_branch: z.string(),
});
const contentSchema = z.object({ content: z.string(), encoding: z.literal('base64') });
const treeSchema = z.object({ truncated: z.boolean().default(false), tree: z.array(z.object({ path: z.string(), type: z.string(), sha: z.string() })) });
const runsSchema = z.object({
  workflow_runs: z.array(z.object({ status: z.string().nullish(), conclusion: z.string().nullish(), updated_at: z.string(), html_url: z.string() })),
});
const pullSchema = z.object({
  state: z.enum(['open', 'closed']),
  html_url: z.string(),
  merged_at: z.string().nullish(),
  body: z.string().nullish(),
  updated_at: z.string(),
  head: z.object({ ref: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
});

type Repository = z.infer<typeof repositorySchema>;

export interface LookOptions {
  /** Only repositories of this account. */
  owner?: string | undefined;
  template: Template;
  /** Pages of a hundred repositories. */
  mostPages?: number;
}

const MOST_PAGES = 10;
const AT_ONCE = 6;
/** Contents that are fetched for one child: its files are some forty. */
const MOST_BLOBS = 80;

/** Repositories that the token sees: of a person, of an account, or of an installation. */
async function repositories(api: Api, { owner, mostPages = MOST_PAGES }: LookOptions): Promise<{ repositories: Repository[]; truncated: boolean }> {
  const parse = (rows: unknown[]) => ({
    repositories: rows.flatMap((row) => repositorySchema.safeParse(row).data ?? []),
    truncated: rows.length >= mostPages * 100,
  });
  const ofToken = await ask(api, 'GET', '/user/repos?per_page=1');
  const installation = ofToken.status === 403 || ofToken.status === 404;
  if (owner === undefined && !installation) return parse(await rowsOf(api, 'the repositories', { path: '/user/repos?sort=pushed', most: mostPages }));
  if (installation) {
    const all = parse(await rowsOf(api, 'the repositories of the installation', { path: '/installation/repositories', most: mostPages, key: 'repositories' }));
    return {
      ...all,
      repositories: all.repositories.filter(({ full_name }) => owner === undefined || full_name.toLowerCase().startsWith(`${owner.toLowerCase()}/`)),
    };
  }
  const name = encodeURIComponent(owner ?? '');
  const organization = await ask(api, 'GET', `/orgs/${name}`);
  if (organization.status === 200)
    return parse(await rowsOf(api, `the repositories of ${owner}`, { path: `/orgs/${name}/repos?sort=pushed`, most: mostPages }));
  // The list of a person holds public ones only; of those that are private the token's own list knows.
  const own = parse(await rowsOf(api, 'the repositories', { path: '/user/repos?sort=pushed', most: mostPages }));
  const shown = parse(await rowsOf(api, `the repositories of ${owner}`, { path: `/users/${name}/repos?sort=pushed`, most: mostPages }));
  const ofOwner = own.repositories.filter(({ full_name }) => full_name.toLowerCase().startsWith(`${owner?.toLowerCase()}/`));
  const found = new Map([...shown.repositories, ...ofOwner].map((repository) => [repository.full_name, repository]));
  return { repositories: [...found.values()], truncated: own.truncated || shown.truncated };
}

/** The answer, or undefined where there is nothing or it may not be seen. */
async function optional<T>(api: Api, path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const answer = await ask(api, 'GET', path);
  if ([403, 404, 409, 451].includes(answer.status)) return undefined;
  return schema.safeParse(expectStatus(api, path, answer, [200]).body).data;
}

function decode({ content }: z.infer<typeof contentSchema>): string {
  return Buffer.from(content, 'base64').toString('utf8');
}

/** Whether a book, be it broken otherwise, says that the child is to be left out. */
function optsOut(text: string): boolean {
  try {
    return z.object({ fleet: z.literal(false) }).safeParse(JSON.parse(text)).success;
  } catch {
    return /"fleet"\s*:\s*false\b/.test(text);
  }
}

/** What git names a file's content by. */
function blobName(content: string): string {
  const bytes = Buffer.from(content);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** What is known of contents by git's name for them: children have most of them in common, so each is fetched once at most. */
class Contents {
  private readonly hashes = new Map<string, string>();
  /** Contents that were fetched. */
  fetched = 0;

  know(content: string): void {
    this.hashes.set(blobName(content), hashOf(content));
  }

  /** The book's hash of a content; undefined where it cannot be had. */
  async hash(api: Api, repository: string, sha: string): Promise<string | undefined> {
    const known = this.hashes.get(sha);
    if (known !== undefined) return known;
    this.fetched++;
    const blob = await optional(api, `/repos/${repository}/git/blobs/${sha}`, contentSchema);
    if (!blob) return undefined;
    const hash = hashOf(decode(blob));
    this.hashes.set(sha, hash);
    return hash;
  }
}

/** What the child was given is computed where the template is at hand: then git's names tell without fetching anything. */
function learn(contents: Contents, book: Book, template: Template): void {
  if (book.version !== template.version) return;
  try {
    for (const { content } of renderTemplate(template, book.answers, { banyan: book.banyan })) contents.know(content);
  } catch (error) {
    if (!(error instanceof BanyanError)) throw error;
    // A domain or role that this template has not: its files are fetched.
  }
}

async function driftOf(api: Api, { full_name, default_branch }: Repository, { book, contents }: { book: Book; contents: Contents }): Promise<Drift | null> {
  const tree = await optional(api, `/repos/${full_name}/git/trees/${encodeURIComponent(default_branch)}?recursive=1`, treeSchema);
  if (!tree || tree.truncated) return null;
  const blobs = new Map(tree.tree.flatMap(({ path, type, sha }) => (type === 'blob' ? [[path, sha] as const] : [])));
  const drift: Drift = { managed: [], merged: 0, missing: [] };
  const before = contents.fetched;
  for (const [path, { class: kind }] of Object.entries(book.files)) {
    if (kind !== 'managed' && kind !== 'merged') continue;
    const blob = blobs.get(path);
    if (blob === undefined) {
      // A merged file that somebody deleted stays so, as they may.
      if (kind === 'managed') drift.missing.push(path);
      continue;
    }
    if (contents.fetched - before >= MOST_BLOBS) return null;
    if (givenHashes(book, path).has(await contents.hash(api, full_name, blob))) continue;
    if (kind === 'managed') drift.managed.push(path);
    else drift.merged++;
  }
  return drift;
}

async function updatesOf(api: Api, { full_name }: Repository): Promise<z.infer<typeof pullSchema>[]> {
  const rows = await rowsOf(api, `the pull requests of ${full_name}`, { path: `/repos/${full_name}/pulls?state=all&sort=created&direction=desc`, most: 2 });
  // A branch of that name in somebody's fork is none of ours.
  return rows.flatMap((row) => pullSchema.safeParse(row).data ?? []).filter(({ head }) => versionOf(head.ref) !== null && head.repo?.full_name === full_name);
}

function refusedIn(updates: readonly z.infer<typeof pullSchema>[]): string[] {
  return updates.flatMap(({ state, merged_at, body, head }) =>
    isRefusal({ state, merged: Boolean(merged_at), body: body ?? '' }) ? (versionOf(head.ref) ?? []) : [],
  );
}

async function lastCheckOf(api: Api, { full_name }: Repository, updates: readonly z.infer<typeof pullSchema>[]): Promise<LastCheck | null> {
  const runs = await optional(api, `/repos/${full_name}/actions/workflows/banyan-update.yml/runs?per_page=1`, runsSchema);
  const run = runs?.workflow_runs[0];
  if (run) return { at: run.updated_at.slice(0, 10), outcome: run.conclusion ?? run.status ?? 'unknown', url: run.html_url };
  const [newest] = updates;
  return newest ? { at: newest.updated_at.slice(0, 10), outcome: 'pull request', url: newest.html_url } : null;
}

async function childIn(api: Api, repository: Repository, { template, contents }: { template: Template; contents: Contents }): Promise<FleetChild | null> {
  const file = await optional(api, `/repos/${repository.full_name}/contents/${BOOK_PATH}`, contentSchema);
  if (!file) return null;
  const text = decode(file);
  if (optsOut(text)) return null;
  const bare = {
    repository: repository.full_name,
    url: repository.html_url,
    private: repository.private,
    drift: null,
    lastCheck: null,
    refusals: [],
    waiting: null,
    unseen: false,
  };
  const book = (() => {
    try {
      return readBook(text);
    } catch (error) {
      if (error instanceof BanyanError) return null;
      throw error;
    }
  })();
  if (!book) return { ...bare, domain: 'unknown', version: 'unknown', problem: 'its book cannot be read' };
  if (book.template !== template.name) return null;
  learn(contents, book, template);
  const known = { ...bare, domain: book.answers.domain, version: semver.valid(book.version) ?? 'unknown' };
  try {
    const updates = await updatesOf(api, repository);
    const refusals = refusedIn(updates);
    return {
      ...known,
      drift: await driftOf(api, repository, { book, contents }),
      lastCheck: await lastCheckOf(api, repository, updates),
      refusals: [...new Set([...refusals, ...(book.refused ?? []).map((version) => semver.valid(version) ?? 'unknown')])],
      waiting: updates.find(({ state }) => state === 'open')?.html_url ?? null,
      problem: null,
    };
  } catch (error) {
    return { ...known, problem: `could not be looked at: ${whyUnseen(error)}`, unseen: true };
  }
}

/** @throws whatever is not GitHub's alone, and a token that does not work */
function whyUnseen(error: unknown): string {
  if (!(error instanceof BanyanError) || error.data['status'] === 401 || error.data['stopped']) throw error;
  if (error.code === 'github_rate_limited') return 'rate limit';
  return typeof error.data['status'] === 'number' ? `GitHub answered ${error.data['status']}` : 'no answer';
}

type Look = { child: FleetChild | null } | { why: string };

/** One repository that fails does not hide the others, and is no repository without a child. */
async function lookInto(api: Api, repository: Repository, options: { template: Template; contents: Contents }): Promise<Look> {
  try {
    return { child: await childIn(api, repository, options) };
  } catch (error) {
    return { why: whyUnseen(error) };
  }
}

/**
 * Every child that the token sees: what it was made from, how far it is from that, and what became of its updates. Those whose
 * book says `fleet: false` are left out altogether.
 * @throws BanyanError for a token that does not work
 */
export async function lookAtFleet(api: Api, options: LookOptions): Promise<Fleet> {
  await request(api, 'the token', { path: '/rate_limit', wanted: [200, 404] });
  const { repositories: all, truncated } = await repositories(api, options);
  const living = all.filter(({ archived }) => !archived);
  const contents = new Contents();
  const children: FleetChild[] = [];
  const unseen: Fleet['unseen'] = [];
  const queue = [...living];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const look = await lookInto(api, next, { template: options.template, contents });
      if ('why' in look) unseen.push({ repository: next.full_name, private: next.private, why: look.why });
      else if (look.child) children.push(look.child);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { version: options.template.version, children: byName(children), seen: living.length, truncated, unseen: byName(unseen) };
}

function byName<T extends { repository: string }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => (a.repository < b.repository ? -1 : 1));
}
