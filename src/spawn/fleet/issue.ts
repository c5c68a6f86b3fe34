import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { request, rowsOf } from '../hub.ts';
import { ask, expectStatus, type Api } from '../services/http.ts';
import type { Fleet } from './look.ts';
import { FLEET_MARKER, FLEET_TITLE, fleetBody } from './words.ts';

const issueSchema = z.object({
  number: z.number(),
  title: z.string(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  body: z.string().nullish(),
  author_association: z.string().default('NONE'),
  user: z.object({ login: z.string(), type: z.string() }).nullish(),
  pull_request: z.unknown().optional(),
});

type Issue = z.infer<typeof issueSchema>;

const TRUSTED = ['OWNER', 'MEMBER', 'COLLABORATOR'];

/** A stranger may write the marker, too: only what was opened from inside, or by the token's own account, counts. */
function isOurs({ user, author_association, title, body, pull_request }: Issue, login: string | null): boolean {
  const inside = user?.type === 'Bot' || (login !== null && user?.login === login) || TRUSTED.includes(author_association);
  const text = body ?? '';
  // Somebody may have written above it, or have changed its title.
  const marked = text.startsWith(FLEET_MARKER) || (title === FLEET_TITLE && text.includes(FLEET_MARKER));
  return pull_request === undefined && inside && marked;
}

/** The oldest that is open, so that two that were opened at once stay one. */
async function findIssue(api: Api, mother: string): Promise<Issue | undefined> {
  const who = await ask(api, 'GET', '/user');
  const login = who.status === 200 ? z.object({ login: z.string() }).parse(who.body).login : null;
  const rows = await rowsOf(api, `the issues of ${mother}`, { path: `/repos/${mother}/issues?state=all&sort=created&direction=asc`, most: 20 });
  const found = rows.flatMap((row) => issueSchema.safeParse(row).data ?? []).filter((issue) => isOurs(issue, login));
  return found.find(({ state }) => state === 'open') ?? found[0];
}

/** Another run may have opened one at the same time: of two the older one stays. */
async function openIssue(api: Api, mother: string, body: string): Promise<KeptIssue> {
  const path = `/repos/${mother}/issues`;
  const made = issueSchema.parse((await request(api, `opening an issue at ${mother}`, { method: 'POST', path, body: { title: FLEET_TITLE, body } })).body);
  const kept = await findIssue(api, mother);
  if (kept === undefined || kept.number >= made.number) return { what: 'created', url: made.html_url };
  const closed = { state: 'closed', state_reason: 'not_planned' };
  await request(api, `closing #${made.number} of ${mother}`, { method: 'PATCH', path: `${path}/${made.number}`, body: closed });
  return { what: 'unchanged', url: kept.html_url };
}

export interface KeptIssue {
  what: 'created' | 'updated' | 'unchanged';
  url: string;
}

/**
 * Keeps one issue of the mother current; it is written only where it would say something else. Somebody who closes it wants
 * peace: it stays closed, and is kept current all the same.
 */
export async function keepFleetIssue(api: Api, mother: string, fleet: Fleet): Promise<KeptIssue> {
  const answer = expectStatus(api, `looking for ${mother}`, await ask(api, 'GET', `/repos/${mother}`), [200, 404]);
  if (answer.status === 404) {
    throw new BanyanError('not_found', `GitHub has no ${mother}, or the token may not see it.`, {
      fix: 'Name the mother: --in owner/repository',
      data: { field: 'in' },
    });
  }
  const named = z.object({ private: z.boolean() }).parse(answer.body).private;
  const issue = await findIssue(api, mother);
  const body = fleetBody(fleet, { named, before: issue?.body ?? '' });
  if (!issue) return openIssue(api, mother, body);
  if ((issue.body ?? '').replaceAll('\r\n', '\n').trim() === body.trim()) return { what: 'unchanged', url: issue.html_url };
  await request(api, `writing #${issue.number} of ${mother}`, { method: 'PATCH', path: `/repos/${mother}/issues/${issue.number}`, body: { body } });
  return { what: 'updated', url: issue.html_url };
}
