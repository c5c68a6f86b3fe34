import { setTimeout } from 'node:timers/promises';
import { secretsOf } from '../config/environment.ts';
import type { Source } from '../config/intake-environment.ts';
import { toBanyanError } from '../kernel/errors.ts';
import { createRedactor } from '../kernel/redact.ts';
import { fail, skipped } from './types.ts';
import type { Check, Finding, Result, Subject } from './types.ts';

const SECONDS = 20;

/** Takes out every secret of the environment, whatever it looks like, and whatever else looks like one. */
function createVeil(source: Source): (text: string) => string {
  return createRedactor(secretsOf(source).flatMap((secret) => [secret, secret.replaceAll('\\n', '\n')]));
}

const RETRY = 'Look whether it is up and can be reached from here, and try again.';

function failureOf(thrown: unknown): Finding {
  const error = toBanyanError(thrown);
  return fail(error.message, error.fix ?? RETRY);
}

async function inTime(check: Check, subject: Subject): Promise<Finding> {
  const seconds = check.seconds ?? SECONDS;
  const over = new AbortController();
  const late = async (): Promise<Finding> => {
    await setTimeout(seconds * 1000, undefined, { signal: over.signal });
    return fail(`There was no answer within ${seconds} s.`, RETRY);
  };
  try {
    return await Promise.race([Promise.resolve(check.run(subject, AbortSignal.timeout(seconds * 1000))), late()]);
  } catch (thrown) {
    return failureOf(thrown);
  } finally {
    over.abort();
  }
}

/** Why a check is not worth making, from what came before it; null where it is. */
function obstacle(check: Check, subject: Subject, before: readonly Result[]): string | null {
  const broken = subject.problems.find(({ name }) => check.needs?.includes(name));
  if (broken) return `${broken.name} ${broken.what}.`;
  const missing = before.find(({ status }) => status === 'fail' || status === 'skipped');
  return missing ? `"${missing.title}" comes first.` : null;
}

/**
 * Makes every check as soon as those that it builds on have ended; none keeps another from being made.
 * @param onResult hears of each in the order of the list
 */
export async function examine(checks: readonly Check[], subject: Subject, onResult: (result: Result) => void = () => undefined): Promise<Result[]> {
  const veil = createVeil(subject.source);
  const begun = new Map<string, Promise<Result>>();

  async function make(check: Check): Promise<Result> {
    const before = await Promise.all((check.after ?? []).flatMap((id) => begun.get(id) ?? []));
    const startedAt = performance.now();
    const why = obstacle(check, subject, before);
    const { status, says, fix } = why === null ? await inTime(check, subject) : skipped(why);
    const seconds = Math.round(performance.now() - startedAt) / 1000;
    return { id: check.id, title: check.title, status, says: veil(says), ...(fix === undefined ? {} : { fix: veil(fix) }), seconds };
  }

  for (const check of checks) begun.set(check.id, make(check));
  const results: Result[] = [];
  for (const result of begun.values()) {
    results.push(await result);
    onResult(await result);
  }
  return results;
}
