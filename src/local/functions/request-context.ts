import { AsyncLocalStorage } from 'node:async_hooks';

/** What `@vercel/functions` reads of the request under way: `waitUntil()` and `getDeadline()`. */
interface RequestContext {
  waitUntil(promise: Promise<unknown>): void;
  /** Milliseconds of the epoch; asked anew each time. */
  readonly deadline: number;
}

/** The platform's own meeting place of runtime and package. */
const CONTEXT = Symbol.for('@vercel/request-context');

export interface Invocations {
  /** Runs one invocation inside a context of its own. */
  run<T>(maxDurationSeconds: number, work: () => Promise<T>): Promise<T>;
  /** From now on every deadline, those of invocations under way too, is at most this far away. */
  shorten(milliseconds: number): void;
  /** Resolves when no work handed to `waitUntil` is left. */
  settled(): Promise<void>;
  /** Takes the meeting place down again. */
  dispose(): void;
}

export function createInvocations(): Invocations {
  const storage = new AsyncLocalStorage<RequestContext>();
  const pending = new Set<Promise<unknown>>();
  let end = Number.POSITIVE_INFINITY;
  Object.assign(globalThis, { [CONTEXT]: { get: () => storage.getStore() } });

  function keep(promise: Promise<unknown>): void {
    const kept = Promise.resolve(promise)
      .catch((error: unknown) => console.error('work after the response failed:', error))
      .finally(() => pending.delete(kept));
    pending.add(kept);
  }

  return {
    run(maxDurationSeconds, work) {
      const own = Date.now() + maxDurationSeconds * 1000;
      const context = {
        waitUntil: keep,
        get deadline() {
          return Math.min(own, end);
        },
      };
      return storage.run(context, work);
    },
    shorten(milliseconds) {
      end = Math.min(end, Date.now() + milliseconds);
    },
    async settled() {
      while (pending.size > 0) await Promise.all(pending);
    },
    dispose() {
      Object.assign(globalThis, { [CONTEXT]: undefined });
    },
  };
}
