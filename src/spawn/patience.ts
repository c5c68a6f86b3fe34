import { setTimeout as sleep } from 'node:timers/promises';
import { limitOf, type Answer } from '../github/errors.ts';
import { backoffMs } from '../kernel/backoff.ts';
import { BanyanError } from '../kernel/errors.ts';
import { clockTime, humanDuration } from '../kernel/time.ts';
import { cancelled } from './command.ts';

/*
 * What a command does when GitHub is not at its best. A limit is no answer to what was asked: it is waited out as GitHub says, for some minutes of
 * one command in all; then the command ends and says when to run it again, and asks nothing more until then. Faults are asked again only where nothing
 * is written: a write may have been done.
 */

/** What stood in the way of a request; null where nothing did. */
export type Setback = { kind: 'limit'; seconds: number | null } | { kind: 'fault' } | null;

/** What an answer says of limits and faults. */
export function setbackOf(answer: Answer): Setback {
  const limit = limitOf(answer);
  if (limit?.refused) return { kind: 'limit', seconds: limit.seconds };
  return answer.status >= 500 ? { kind: 'fault' } : null;
}

export interface PatienceOptions {
  signal?: AbortSignal | undefined;
  /** Waits; a test's own does not. */
  pause?: (ms: number) => Promise<void>;
  /** For all limits of a command together. */
  mostWaitMs?: number;
}

export type Outcome<T> = { value: T } | { error: unknown };

const MOST_WAIT_MS = 5 * 60_000;
const MOST_TRIES = 4;
/** GitHub asks for a minute where it names no time. */
const UNNAMED_SECONDS = 60;

export class Patience {
  readonly #signal: AbortSignal | undefined;
  readonly #pause: (ms: number) => Promise<void>;
  #left: number;
  /** Nothing is asked before. */
  #until = 0;
  #givenUp: BanyanError | null = null;

  constructor({ signal, pause, mostWaitMs = MOST_WAIT_MS }: PatienceOptions = {}) {
    this.#signal = signal;
    this.#pause = pause ?? ((ms) => sleep(ms, undefined, signal ? { signal } : {}));
    this.#left = mostWaitMs;
  }

  /**
   * One request, asked again where that may help; the last outcome, be it a fault.
   * @param reads whether it writes nothing, so that it may be asked again after a fault
   * @throws BanyanError `github_rate_limited` where a limit lasts longer than is waited
   */
  async ask<T>(reads: boolean, attempt: () => Promise<T>, judge: (outcome: Outcome<T>) => Setback): Promise<T> {
    for (let tries = 1; ; tries++) {
      await this.#turn();
      const outcome: Outcome<T> = await attempt().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      const setback = this.#signal?.aborted ? null : judge(outcome);
      if (setback?.kind === 'limit') this.#limit(setback.seconds ?? UNNAMED_SECONDS, tries);
      else if (setback?.kind === 'fault' && reads && tries < MOST_TRIES) await this.#wait(backoffMs(tries, Math.random(), { baseMs: 1_000 }));
      else if ('value' in outcome) return outcome.value;
      else throw outcome.error;
    }
  }

  async #turn(): Promise<void> {
    if (this.#givenUp) throw this.#givenUp;
    const ms = this.#until - Date.now();
    if (ms > 0) await this.#wait(ms);
  }

  /** Requests under way at once meet the same limit, which is waited for once. */
  #limit(seconds: number, tries: number): void {
    const now = Date.now();
    const until = now + seconds * 1000;
    const more = Math.max(0, until - Math.max(now, this.#until));
    this.#until = Math.max(this.#until, until);
    this.#left -= more;
    if (this.#left >= 0 && tries < MOST_TRIES) return;
    const retryAt = new Date(this.#until);
    this.#givenUp = new BanyanError('github_rate_limited', 'GitHub asks this token to wait: a rate limit is used up.', {
      retry: 'rate_limit',
      retryAt,
      fix: `Run it again in ${humanDuration(until - now)}, at ${clockTime(retryAt)} UTC: what is done stays done.`,
    });
    throw this.#givenUp;
  }

  async #wait(ms: number): Promise<void> {
    try {
      await this.#pause(ms);
    } catch (error) {
      throw this.#signal?.aborted ? cancelled() : error;
    }
  }
}
