export interface BackoffOptions {
  /** Milliseconds before the second try; 1,000 when absent. */
  baseMs?: number;
  /** Never longer than this; five minutes when absent. */
  maxMs?: number;
}

/**
 * Milliseconds to wait after the given failed attempt (1, 2, 3 ...): doubles each time, half of it random, so that
 * those who failed together do not come back together.
 * @param random a number in [0, 1), from the caller, so that this stays pure
 */
export function backoffMs(attempt: number, random: number, options: BackoffOptions = {}): number {
  const { baseMs = 1_000, maxMs = 300_000 } = options;
  const exponent = Math.min(Math.max(0, attempt - 1), 52);
  const ceiling = Math.min(maxMs, baseMs * 2 ** exponent);
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
