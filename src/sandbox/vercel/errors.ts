import { BanyanError } from '../../kernel/errors.ts';

/** The parts of the client's errors that are looked at; its classes are loaded lazily, so shape is what there is to go by. */
interface ApiFailure {
  name?: string;
  message?: string;
  response?: { status?: number; headers?: { get(name: string): string | null } };
}

const CREDENTIALS_FIX =
  'On Vercel switch on OIDC for the project (nothing else is needed); elsewhere set VERCEL_TOKEN, VERCEL_TEAM_ID and VERCEL_PROJECT_ID. Or use BANYAN_SANDBOX=local.';

function fromStatus(status: number, failure: ApiFailure, cause: unknown): BanyanError {
  const data = { status };
  const said = failure.message ?? '';
  if (status === 401 || status === 403) {
    return new BanyanError('sandbox_unavailable', `Vercel refuses the sandbox (${status}): ${said}`, {
      retry: 'needs_human',
      fix: CREDENTIALS_FIX,
      data,
      cause,
    });
  }
  if (status === 402) {
    return new BanyanError('sandbox_unavailable', `The Vercel plan allows no more sandboxes: ${said}`, {
      retry: 'needs_human',
      fix: "Raise the plan's limit for Vercel Sandbox.",
      data,
      cause,
    });
  }
  if (status === 429) {
    const seconds = Number(failure.response?.headers?.get('retry-after')) || 60;
    const retryAt = new Date(Date.now() + seconds * 1000);
    return new BanyanError('sandbox_unavailable', 'Vercel allows no more sandboxes at the moment.', { retry: 'rate_limit', retryAt, data, cause });
  }
  // A session that ended answers with 404 or 410: a new one can be made.
  if (status === 404 || status === 410)
    return new BanyanError('sandbox_timeout', 'The sandbox is gone: its time was over or it was stopped.', { retry: 'transient', data, cause });
  return new BanyanError('sandbox_failed', `Vercel Sandbox answered ${status}: ${said}`, { retry: status >= 500 ? 'transient' : 'permanent', data, cause });
}

/** Whatever the client threw, typed. */
export function toSandboxError(thrown: unknown): BanyanError {
  if (thrown instanceof BanyanError) return thrown;
  const failure = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as ApiFailure;
  const status = failure.response?.status;
  if (status !== undefined) return fromStatus(status, failure, thrown);
  if (failure.name === 'LocalOidcContextError' || failure.name === 'VercelOidcContextError' || failure.message?.startsWith('Missing credentials')) {
    return new BanyanError('sandbox_unavailable', 'There are no credentials for Vercel Sandbox.', {
      retry: 'needs_human',
      fix: CREDENTIALS_FIX,
      cause: thrown,
    });
  }
  return new BanyanError('sandbox_failed', `Vercel Sandbox failed: ${failure.message ?? String(thrown)}`, { retry: 'transient', cause: thrown });
}

/** The client's calls with typed errors; a caller's own abort passes as it is. */
export async function typed<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await action();
  } catch (error) {
    signal?.throwIfAborted();
    throw toSandboxError(error);
  }
}
