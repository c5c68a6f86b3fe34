import { BanyanError, toBanyanError } from '../../../kernel/errors.ts';

/* What GitHub's refusals mean, and what a person can do about each. */

export function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error ? (error as { status?: unknown }).status : undefined;
  return typeof status === 'number' ? status : undefined;
}

export async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    // 410: there was one.
    if ([404, 410].includes(statusOf(error) ?? 0)) return null;
    throw error;
  }
}

/**
 * A call about issues. Where there are none, or none for this token, only what needs them is left out.
 * @throws BanyanError `forbidden` with `issues` in its data
 */
export async function forIssues<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const status = statusOf(error);
    if (status !== 410 && status !== 403) throw error;
    const [message, fix] =
      status === 410
        ? ['Issues are turned off in this repository, so nothing can be asked there.', 'Turn them on: Settings > General > Features > Issues.']
        : ['This token may not read and write issues, so nothing can be asked there.', 'Give it issues: write.'];
    throw new BanyanError('forbidden', message, { fix, data: { status, issues: true }, cause: error });
  }
}

/** What needs issues, where there may be none: said once, and all else goes on. */
export async function whereIssues<T>(notes: string[], otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BanyanError) || error.data['issues'] !== true) throw error;
    const line = `${error.message} ${error.fix}`;
    if (!notes.includes(line)) notes.push(line);
    return otherwise;
  }
}

/** A branch that a rule of the repository keeps. */
export function unwritable(branch: string, error: unknown): BanyanError {
  return new BanyanError('forbidden', `GitHub does not let the branch ${branch} be written: ${toBanyanError(error).message}`, {
    fix: 'Settings > Rules > Rulesets: leave banyan/template-v* out of the rule, or let who runs this bypass it.',
    data: { status: statusOf(error) },
    cause: error,
  });
}

/** @throws BanyanError for whatever GitHub answers that was not foreseen */
export function refusal(error: unknown): BanyanError {
  const status = statusOf(error);
  if (status === undefined) return toBanyanError(error);
  const denied = status === 401 || status === 403;
  const again = status >= 500 || [408, 409, 429].includes(status);
  return new BanyanError(denied ? 'forbidden' : 'github_rejected', `GitHub refused: ${toBanyanError(error).message}`, {
    fix: denied
      ? 'The token needs contents, pull requests and issues: write.'
      : again
        ? 'Run it again; what is done stays done.'
        : 'Mend what GitHub names, then run it again: what is done stays done.',
    data: { status },
    cause: error,
  });
}
