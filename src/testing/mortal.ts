import type { Store } from '../store/contract.ts';

/** One request to GitHub, as a test picks it out. */
export interface GitHubRequest {
  method: string;
  /** Path below the API's root, decoded: `/repos/acme/shop/issues/1/comments`. */
  path: string;
  body: string;
}

/** Where a process ends: at a call to the database or at a request to GitHub, before it is sent or after it was answered. */
export type Death =
  | { at: 'store'; call: keyof Store; when: 'before' | 'after'; matches?: (args: unknown[]) => boolean }
  | { at: 'github'; when: 'before' | 'after'; matches: (request: GitHubRequest) => boolean };

/** What makes a process mortal: a store and a fetch that fail for ever once its time has come. */
export interface Mortal {
  store: Store;
  fetch: typeof fetch;
  dead(): boolean;
}

/** An aborted request is not tried again by anybody, so that a process is quick to be dead. */
function ended(): Error {
  return new DOMException('this process has ended', 'AbortError');
}

export async function readGitHubRequest(input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<GitHubRequest> {
  const request = new Request(input, init);
  return { method: request.method, path: decodeURIComponent(new URL(request.url).pathname), body: await request.clone().text() };
}

/**
 * A process that ends at a given moment, as by SIGKILL: nothing that it wanted to say after that arrives anywhere.
 * A death that never comes is a mistake of the test; ask `dead()`.
 */
export function createMortal(store: Store, base: typeof fetch, death?: Death): Mortal {
  let dead = false;

  async function live<T>(death: { when: 'before' | 'after' } | false, act: () => Promise<T>): Promise<T> {
    if (dead) throw ended();
    if (death && death.when === 'before') dead = true;
    if (dead) throw ended();
    const answer = await act();
    if (death) dead = true;
    if (dead) throw ended();
    return answer;
  }

  const calls = Object.entries(store).map(([name, call]: [string, (...args: unknown[]) => Promise<unknown>]) => [
    name,
    (...args: unknown[]) => live(death?.at === 'store' && death.call === name && (death.matches?.(args) ?? true) && death, () => call(...args)),
  ]);

  return {
    store: Object.fromEntries(calls) as Store,
    async fetch(input, init) {
      const request = await readGitHubRequest(input, init);
      return live(death?.at === 'github' && death.matches(request) && death, () => base(input, init));
    },
    dead: () => dead,
  };
}
