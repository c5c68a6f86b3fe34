import { BanyanError } from '../kernel/errors.ts';
import { clockTime } from '../kernel/time.ts';
import type { Deaths, Store, WorkKind } from '../store/contract.ts';

/*
 * Work that takes its worker down with it (memory, a crash in a library) comes back when the lease is over, to take down the next
 * one. After three deaths in a row it is set aside. A worker that dies takes down whatever it held, so two deaths only make a suspect:
 * suspects are tried one at a time in a process, and the third death counts only for the one that was being tried.
 */

/** Deaths of workers over one piece of work, with nothing stored in between, after which nobody takes it up any more. */
const MAX_DEATHS = 3;

export interface Suspects {
  /**
   * Lets in at once what is under no suspicion, a suspect when it is its turn. The answer lets the next one in; calling it again does nothing.
   * @throws BanyanError `worker_lost` (poisoned): it is to be set aside untouched
   */
  admit(kind: WorkKind, key: string, attempts: number): Promise<() => void>;
}

/** Those of one process. */
export function createSuspects(store: Store): Suspects {
  let last: Promise<void> = Promise.resolve();

  async function turn(kind: WorkKind, key: string): Promise<() => void> {
    const before = last;
    let release: () => void = () => undefined;
    last = new Promise((resolve) => (release = resolve));
    await before;
    try {
      await store.tryAlone(kind, key);
      return release;
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  return {
    async admit(kind, key, attempts) {
      // What was begun once has had no two deaths.
      const deaths = attempts > 1 ? await store.readDeaths(kind, key) : null;
      if (deaths === null || deaths.in_a_row < MAX_DEATHS - 1) return () => undefined;
      if (deaths.in_a_row >= MAX_DEATHS) throw poisoned(deaths);
      return turn(kind, key);
    },
  };
}

function poisoned(deaths: Deaths): BanyanError {
  const { in_a_row: count, first_at: first, last_at: last, step } = deaths;
  const where = step ? ` after step ${step.seq}${step.tools.length > 0 ? ` (\`${step.tools.join('`, `')}\`)` : ''}` : '';
  return new BanyanError(
    'worker_lost',
    `its worker ended ${count} times in a row${where}, between ${clockTime(first)} and ${clockTime(last)} UTC, and stored nothing`,
    {
      retry: 'poisoned',
      fix: 'Give the functions more memory or time, or split the issue, then comment `/banyan retry`.',
      data: { deaths: count, first_at: first, last_at: last, step },
    },
  );
}
