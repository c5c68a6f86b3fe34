/** One call may think and write for this long. A worker's own deadline aborts it earlier through the call's signal. */
export const CALL_TIMEOUT_MS = 180_000;

/** Tries after the first one inside a call. Few: the queue retries the task with longer pauses and without holding a worker. */
export const CALL_RETRIES = 1;

/** Enough for a whole file in one tool call; above some 21,000 Anthropic's client insists on streaming. */
export const MAX_OUTPUT_TOKENS = 16_384;

/**
 * Which failures the library tries again inside a call: those of the provider or of the way there. What says "later" (429) says
 * when, and the library would not listen; every other refusal stays one.
 */
export function onFailedAttempt(error: unknown): void {
  const status: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'status') : undefined;
  const isAborted = error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
  if (isAborted || (typeof status === 'number' && status < 500)) throw error;
}
