import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { request, rowsOf } from '../hub.ts';
import { ask, expectStatus, type Api } from '../services/http.ts';
import { mergeText } from '../update/merge-text.ts';
import type { Proposal } from './proposal.ts';
import { commitMessage, hashIn, issueBody, pullBody } from './words.ts';

const itemSchema = z.object({
  number: z.number(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
  pull_request: z.object({ merged_at: z.string().nullish() }).nullish(),
});
const repositorySchema = z.object({
  default_branch: z.string(),
  has_issues: z.boolean().default(true),
  permissions: z.object({ push: z.boolean().default(false) }).optional(),
});
const refSchema = z.object({ object: z.object({ sha: z.string() }) });
const commitSchema = z.object({ sha: z.string(), message: z.string(), tree: z.object({ sha: z.string() }) });
const contentSchema = z.object({ content: z.string(), encoding: z.literal('base64') });

type Item = z.infer<typeof itemSchema>;

export type Way = 'issue' | 'pull-request';

export interface Sent {
  what: 'created' | 'updated' | 'there' | 'declined';
  way: Way;
  url: string;
  notes: string[];
}

/** Pages of a hundred that are looked through for an earlier proposal. */
const MOST_PAGES = 10;

async function loginOf(api: Api): Promise<string | null> {
  const answer = await ask(api, 'GET', '/user');
  return answer.status === 200 ? z.object({ login: z.string() }).parse(answer.body).login : null;
}

interface Earlier {
  /** The own one for these files, that is open. */
  open: Item | undefined;
  /** The same content, by whomever, in whatever state. */
  same: Item | undefined;
}

/** What was proposed before: our own for the same files, and anybody's of the same content. */
async function findEarlier(api: Api, mother: string, proposal: Proposal): Promise<Earlier> {
  const login = await loginOf(api);
  const rows = await rowsOf(api, `the issues of ${mother}`, { path: `/repos/${mother}/issues?state=all&sort=created&direction=desc`, most: MOST_PAGES });
  const items = rows.flatMap((row) => itemSchema.safeParse(row).data ?? []).filter(({ body }) => hashIn(body ?? '', proposal.key) !== undefined);
  const own = items.filter(({ user }) => login === null || user?.login === login);
  const same = items.filter(({ body }) => hashIn(body ?? '', proposal.key) === proposal.hash);
  return { open: own.find(({ state }) => state === 'open'), same: same.find(({ state }) => state === 'open') ?? same.find((item) => own.includes(item)) };
}

function wayOf(item: Item): Way {
  return item.pull_request ? 'pull-request' : 'issue';
}

async function writeIssue(api: Api, mother: string, issue: { open: Item | undefined; title: string; body: string }): Promise<Sent> {
  const { open, title, body } = issue;
  const call = open ? { method: 'PATCH', path: `/repos/${mother}/issues/${open.number}` } : { method: 'POST', path: `/repos/${mother}/issues` };
  const answer = await request(api, `writing the issue at ${mother}`, { ...call, body: { title, body } });
  return { what: open ? 'updated' : 'created', way: 'issue', url: itemSchema.parse(answer.body).html_url, notes: [] };
}

async function headOf(api: Api, mother: string, branch: string): Promise<string | null> {
  const answer = expectStatus(api, `the branch ${branch} of ${mother}`, await ask(api, 'GET', `/repos/${mother}/git/ref/heads/${branch}`), [200, 404]);
  return answer.status === 404 ? null : refSchema.parse(answer.body).object.sha;
}

/** The proposed files over what the mother has by now; null where both changed the same lines. */
async function mergedFiles(
  api: Api,
  mother: string,
  { proposal, ref }: { proposal: Proposal; ref: string },
): Promise<{ path: string; content: string }[] | null> {
  const files: { path: string; content: string }[] = [];
  for (const { origin, before, after } of proposal.files) {
    const answer = await ask(api, 'GET', `/repos/${mother}/contents/${origin.split('/').map(encodeURIComponent).join('/')}?ref=${ref}`);
    if (expectStatus(api, `${origin} at ${mother}`, answer, [200, 404]).status === 404) return null;
    const theirs = Buffer.from(contentSchema.parse(answer.body).content, 'base64').toString('utf8');
    const merged = mergeText({ base: before, ours: theirs, theirs: after }, { ours: 'mother', base: 'before', theirs: 'proposal' });
    if (merged.conflicts > 0) return null;
    files.push({ path: origin, content: merged.text });
  }
  return files;
}

/** Somebody at the mother has gone on with the branch: it is theirs now. */
async function refuseOthersBranch(api: Api, mother: string, { branch, head, key }: { branch: string; head: string; key: string }): Promise<void> {
  const { message } = commitSchema.parse((await request(api, `the head of ${branch}`, { path: `/repos/${mother}/git/commits/${head}` })).body);
  if (message.includes(`Banyan-Proposal: ${key}:`)) return;
  throw new BanyanError('conflict', `Somebody has pushed to ${branch} at ${mother}: the proposal is theirs now.`, {
    fix: 'Say what has changed since in that pull request, or send an issue: --issue',
    data: { branch },
  });
}

async function writePull(api: Api, mother: string, { proposal, open }: { proposal: Proposal; open: Item | undefined }): Promise<Sent | null> {
  const { default_branch: base } = repositorySchema.parse((await request(api, mother, { path: `/repos/${mother}` })).body);
  const parent = await headOf(api, mother, base);
  if (parent === null) return null;
  const files = await mergedFiles(api, mother, { proposal, ref: parent });
  if (files === null) return null;
  const branch = `banyan/propose-${proposal.key}`;
  const head = await headOf(api, mother, branch);
  if (head !== null) await refuseOthersBranch(api, mother, { branch, head, key: proposal.key });
  const { tree } = commitSchema.parse((await request(api, `the head of ${base}`, { path: `/repos/${mother}/git/commits/${parent}` })).body);
  const entries = files.map(({ path, content }) => ({ path, mode: '100644', type: 'blob', content }));
  const made = await request(api, 'the tree', { method: 'POST', path: `/repos/${mother}/git/trees`, body: { base_tree: tree.sha, tree: entries } });
  const treeSha = z.object({ sha: z.string() }).parse(made.body).sha;
  // On top of what is there, so that the branch is never forced over somebody's push of this moment.
  const parents = head === null ? [parent] : [head, parent];
  const commit = await request(api, 'the commit', {
    method: 'POST',
    path: `/repos/${mother}/git/commits`,
    body: { message: commitMessage(proposal), tree: treeSha, parents },
  });
  const { sha } = commitSchema.parse(commit.body);
  if (head === null)
    await request(api, `creating ${branch}`, { method: 'POST', path: `/repos/${mother}/git/refs`, body: { ref: `refs/heads/${branch}`, sha } });
  else await request(api, `moving ${branch}`, { method: 'PATCH', path: `/repos/${mother}/git/refs/heads/${branch}`, body: { sha, force: false } });
  const text = { title: proposal.title, body: pullBody(proposal) };
  const answer = open
    ? await request(api, 'the pull request', { method: 'PATCH', path: `/repos/${mother}/pulls/${open.number}`, body: text })
    : await request(api, 'the pull request', { method: 'POST', path: `/repos/${mother}/pulls`, body: { ...text, head: branch, base } });
  return { what: open ? 'updated' : 'created', way: 'pull-request', url: itemSchema.parse(answer.body).html_url, notes: [] };
}

async function mayPush(api: Api, mother: string): Promise<boolean> {
  const answer = expectStatus(api, `looking for ${mother}`, await ask(api, 'GET', `/repos/${mother}`), [200, 404]);
  if (answer.status === 404) {
    throw new BanyanError('not_found', `GitHub has no ${mother}, or the token may not see it.`, {
      fix: 'Name the mother: --to owner/repository, or `mother` in .banyan/template.json.',
      data: { field: 'to' },
    });
  }
  return repositorySchema.parse(answer.body).permissions?.push ?? false;
}

const CONFLICTING = 'The mother has changed the same lines since: the patch is against the version that is named above.';

/**
 * Tells the mother: once. Where the same was told before, nothing is written; where it was told otherwise, it is brought up to date.
 * @param way as it was asked for; without it, a pull request where the token may push, else an issue
 */
export async function sendProposal(api: Api, mother: string, { proposal, way }: { proposal: Proposal; way: Way | undefined }): Promise<Sent> {
  const push = await mayPush(api, mother);
  if (way === 'pull-request' && !push) {
    throw new BanyanError('forbidden', `The token may not push to ${mother}, which a pull request needs.`, {
      fix: 'Send an issue, which holds the same change as a patch: --issue',
    });
  }
  const { open, same } = await findEarlier(api, mother, proposal);
  if (same) return { what: same.state === 'open' ? 'there' : 'declined', way: wayOf(same), url: same.html_url, notes: [] };
  const wanted = open && way === undefined ? wayOf(open) : (way ?? (push ? 'pull-request' : 'issue'));
  const earlier = open && wayOf(open) === wanted ? open : undefined;
  const notes = open && !earlier ? [`An earlier proposal for these files is open, too: ${open.html_url}`] : [];
  if (wanted === 'issue') return { ...(await writeIssue(api, mother, { open: earlier, title: proposal.title, body: issueBody(proposal) })), notes };
  const pull = await writePull(api, mother, { proposal, open: earlier });
  if (pull) return { ...pull, notes };
  const issue = await writeIssue(api, mother, { open: undefined, title: proposal.title, body: issueBody(proposal, CONFLICTING) });
  return { ...issue, notes: [...notes, `An issue and no pull request: ${mother} has changed the same lines since v${proposal.version}.`] };
}
