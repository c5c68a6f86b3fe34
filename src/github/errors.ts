import { BanyanError } from '../kernel/errors.ts';

interface HttpFailure {
  status: number;
  message: string;
  response?: { headers?: Record<string, string | number | undefined>; data?: unknown };
  request?: { method?: string; url?: string };
}

function isHttpFailure(thrown: unknown): thrown is HttpFailure {
  return thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number';
}

/** When GitHub says to come back: `retry-after` in seconds, else the reset of an exhausted budget, else a minute as its documentation asks. */
function retryAt(headers: Record<string, string | number | undefined>, now: number): Date {
  const after = Number(headers['retry-after']);
  if (Number.isFinite(after) && after > 0) return new Date(now + after * 1000);
  const reset = Number(headers['x-ratelimit-reset']);
  if (headers['x-ratelimit-remaining'] === '0' && Number.isFinite(reset)) return new Date(Math.max(reset * 1000, now + 1000));
  return new Date(now + 60_000);
}

function isRateLimit(failure: HttpFailure): boolean {
  if (failure.status === 429) return true;
  if (failure.status !== 403) return false;
  const headers = failure.response?.headers ?? {};
  return headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
}

/** Any failure of a call to GitHub as a typed error: status codes and headers decide, never the text. */
export function githubError(thrown: unknown, now: number = Date.now()): BanyanError {
  if (thrown instanceof BanyanError) return thrown;
  if (!isHttpFailure(thrown) || thrown.status === 0) {
    return new BanyanError('github_unavailable', 'GitHub could not be reached', { retry: 'transient', cause: thrown });
  }
  const headers = thrown.response?.headers ?? {};
  const where = `${thrown.request?.method ?? ''} ${(thrown.request?.url ?? '').replace(/\?.*$/, '')}`.trim();
  const data = { status: thrown.status, request: where };
  if (isRateLimit(thrown)) {
    return new BanyanError('github_rate_limited', `GitHub asked to slow down (${where})`, {
      retry: 'rate_limit',
      retryAt: retryAt(headers, now),
      data,
      cause: thrown,
    });
  }
  // Octokit reports a connection that never answered as status 500; both are worth another try.
  if (thrown.status >= 500 || thrown.status === 408) {
    return new BanyanError('github_unavailable', `GitHub answered ${thrown.status} (${where})`, { retry: 'transient', data, cause: thrown });
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
