/** Where the platform's runtime and its package meet; see `@vercel/functions`, `get-context.js`. */
const CONTEXT = Symbol.for('@vercel/request-context');

interface RequestContext {
  waitUntil?: (work: Promise<unknown>) => void;
}

/**
 * Keeps the function alive until the promise settles, as `waitUntil` of `@vercel/functions` does. Loading that package takes ten
 * milliseconds, a sixth of a cold start of the webhook, for these lines.
 */
export function waitUntil(work: Promise<unknown>): void {
  const holder = (globalThis as { [CONTEXT]?: { get?: () => RequestContext | undefined } })[CONTEXT];
  holder?.get?.()?.waitUntil?.(work);
}
