import { accessWords } from '../domain/access.ts';
import type { Project } from '../domain/model.ts';
import { BanyanError } from '../kernel/errors.ts';

interface HttpFailure {
  status: number;
  message: string;
  response?: Omit<Answer, 'status'>;
  request?: { method?: string; url?: string };
}

function isHttpFailure(thrown: unknown): thrown is HttpFailure {
  return thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number';
}

type Headers = Record<string, string | number | undefined>;

/** What GitHub's answers have in common; Octokit's errors carry it as `response`. */
export interface Answer {
  status: number;
  headers?: Headers;
  data?: unknown;
}

/** The answer that a failed call had; null where none came. */
export function answerOf(thrown: unknown): Answer | null {
  return isHttpFailure(thrown) && thrown.response ? { ...thrown.response, status: thrown.status } : null;
}

/** Seconds until the reset of an exhausted budget, by GitHub's own clock where it tells it: this machine's may go wrong. */
function untilReset(headers: Headers, now: number): number {
  const told = Date.parse(String(headers['date']));
  return Math.max(Number(headers['x-ratelimit-reset']) - (Number.isNaN(told) ? now : told) / 1000, 1);
}

/** When GitHub says to come back: `retry-after` in seconds, else the reset of an exhausted budget; null where it names no time. */
function secondsNamed(headers: Headers, now: number): number | null {
  const after = Number(headers['retry-after']);
  if (Number.isFinite(after) && after > 0) return after;
  return isExhausted(headers) && Number.isFinite(Number(headers['x-ratelimit-reset'])) ? untilReset(headers, now) : null;
}

function isExhausted(headers: Headers): boolean {
  return String(headers['x-ratelimit-remaining']) === '0';
}

/** A secondary limit may come as a bare 403, without a word in its headers: then the page that the body refers to says what it is. */
function refersToLimits(data: unknown): boolean {
  const page = (data as { documentation_url?: unknown } | null | undefined)?.documentation_url;
  return typeof page === 'string' && /rate-limit(s|ing)\b/.test(page);
}

function isRefusedGraphql(data: unknown): boolean {
  const errors = (data as { errors?: unknown } | null | undefined)?.errors;
  return Array.isArray(errors) && (errors[0] as { type?: unknown } | undefined)?.type === 'RATE_LIMITED';
}

export interface Limit {
  /** False where this request still came through, and the next would not. */
  refused: boolean;
  /** Null where GitHub named no time. */
  seconds: number | null;
}

/** What an answer of GitHub's says about its limits; null where it says nothing. */
export function limitOf({ status, headers = {}, data }: Answer, now: number = Date.now()): Limit | null {
  const forbidden = status === 403 && (headers['retry-after'] !== undefined || isExhausted(headers) || refersToLimits(data));
  const refused = status === 429 || forbidden || (status === 200 && isRefusedGraphql(data));
  // Search and its like have small budgets of their own, which say nothing about the others.
  const isCommon = /^(core|graphql)$/.test(String(headers['x-ratelimit-resource'] ?? 'core'));
  return refused || (isExhausted(headers) && isCommon) ? { refused, seconds: secondsNamed(headers, now) } : null;
}

/** GitHub asks for a minute where it names no time. */
const UNNAMED_SECONDS = 60;

export function rateLimited(request: { method?: string; url?: string } | undefined, retryAt: Date, cause?: unknown): BanyanError {
  const where = whereOf(request);
  return new BanyanError('github_rate_limited', `GitHub asked to slow down (${where})`, { retry: 'rate_limit', retryAt, data: { request: where }, cause });
}

function whereOf(request: { method?: string; url?: string } | undefined): string {
  return `${request?.method ?? ''} ${(request?.url ?? '').replace(/\?.*$/, '')}`.trim();
}

/** Any failure of a call to GitHub as a typed error: status codes, headers and typed fields decide, never the text. */
export function githubError(thrown: unknown, now: number = Date.now()): BanyanError {
  if (thrown instanceof BanyanError) return thrown;
  if (!isHttpFailure(thrown) || thrown.status === 0) {
    return new BanyanError('github_unavailable', 'GitHub could not be reached', { retry: 'transient', cause: thrown });
  }
  const where = whereOf(thrown.request);
  const data = { status: thrown.status, request: where };
  const limit = limitOf(answerOf(thrown) ?? { status: thrown.status }, now);
  if (limit?.refused) return rateLimited(thrown.request, new Date(now + (limit.seconds ?? UNNAMED_SECONDS) * 1000), thrown);
  // Octokit reports a connection that never answered as status 500; both are worth another try.
  if (thrown.status >= 500 || thrown.status === 408) {
    const message = thrown.response ? `GitHub answered ${thrown.status} (${where})` : `GitHub did not answer (${where})`;
    return new BanyanError('github_unavailable', message, { retry: 'transient', data, cause: thrown });
  }
  if (thrown.status === 404) return new BanyanError('not_found', `GitHub found nothing (${where})`, { retry: 'permanent', data, cause: thrown });
  if (thrown.status === 409) return new BanyanError('conflict', `GitHub reports a conflict (${where})`, { retry: 'transient', data, cause: thrown });
  const fix =
    thrown.status === 401 || thrown.status === 403
      ? 'Check that the GitHub App is installed on this repository with the permissions that the documentation lists.'
      : undefined;
  return new BanyanError('github_rejected', `GitHub refused (${thrown.status}, ${where}): ${thrown.message.slice(0, 500)}`, {
    retry: fix ? 'needs_human' : 'permanent',
    data,
    cause: thrown,
    ...(fix ? { fix } : {}),
  });
}

/** No token for a repository: nothing of the work is wrong, and nothing of it can go on until somebody gives the App its access back. */
export function accessError(thrown: unknown, { owner, name }: Pick<Project, 'owner' | 'name'>): BanyanError {
  const error = githubError(thrown);
  const status = Number(error.data['status']);
  if (error.code !== 'github_rejected' && error.code !== 'not_found') return error;
  const { missing, who } = accessWords(status, owner);
  return new BanyanError('forbidden', `No access to ${owner}/${name}: ${missing}`, { retry: 'needs_human', fix: who, data: { status }, cause: thrown });
}
