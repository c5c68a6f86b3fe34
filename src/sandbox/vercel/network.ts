import type { Session } from '@vercel/sandbox';
import { BanyanError } from '../../kernel/errors.ts';
import { REGISTRY_HOSTS } from '../registries.ts';
import { toSandboxError, typed } from './errors.ts';

/** For one change of the policy, with the client's own retries. */
const CHANGE_MS = 30_000;

interface Machine {
  /** Ends the machine for good. */
  end: () => Promise<void>;
  /** The caller's, for the opening. */
  signal: AbortSignal | undefined;
}

/**
 * Opens the way to the package registries for one action and closes it after it, whatever happened: also where the opening failed,
 * because what failed here may have been done there. Nothing else may run in the machine meanwhile; the caller sees to that.
 * Where it cannot be closed again, the machine is ended.
 * @throws BanyanError `sandbox_failed` where it could not be closed; else what the action threw
 */
export async function withRegistries<T>(session: Session, { end, signal }: Machine, action: () => Promise<T>): Promise<T> {
  try {
    await open(session, signal);
    return await action();
  } finally {
    await close(session, end);
  }
}

async function open(session: Session, signal: AbortSignal | undefined): Promise<void> {
  const limit = AbortSignal.timeout(CHANGE_MS);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  await typed(() => session.update({ networkPolicy: { allow: [...REGISTRY_HOSTS] } }, { signal: either }), signal);
}

/** By no signal of the caller's: it must be closed after an abort too. */
async function close(session: Session, end: () => Promise<void>): Promise<void> {
  try {
    await session.update({ networkPolicy: 'deny-all' }, { signal: AbortSignal.timeout(CHANGE_MS) });
  } catch (error) {
    const isEnded = await end().then(
      () => true,
      () => false,
    );
    // A machine that is gone has no network either.
    if (isEnded && toSandboxError(error).code === 'sandbox_timeout') return;
    const ending = isEnded ? 'it was destroyed' : 'destroying it failed as well: it lives on, out of use, until its time is over';
    throw new BanyanError('sandbox_failed', `The sandbox's network could not be closed after an install; ${ending}.`, { retry: 'transient', cause: error });
  }
}
