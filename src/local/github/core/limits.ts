import type { Actor } from './access.ts';
import { Fault } from './fault.ts';
import type { JsonObject } from './model.ts';

/*
 * GitHub's limits for an installation. Each is kept where it is given; without any, answers only carry the counters, and never say that
 * nothing is left: whoever heeds GitHub's word would stop for the rest of the hour over a limit that nobody keeps.
 * Windows slide: whoever stays below these stays below windows of any other kind.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */

export interface Limits {
  /** The primary limit; where none is kept, 5,000 are shown, all of them left. */
  requestsAnHour?: number;
  pointsAMinute?: number;
  creationsAMinute?: number;
  creationsAnHour?: number;
  atOnce?: number;
  /** What `retry-after` says where a secondary limit is passed; null sends none, as GitHub sometimes does. 60 where it is absent. */
  retryAfter?: number | null;
}

/** A request that passed a limit, and was refused. */
export interface Violation {
  limit: Exclude<keyof Limits, 'retryAfter'>;
  /** `POST /repos/acme/shop/issues/1/comments` */
  request: string;
}

interface Usage {
  /** Of the last hour, oldest first. */
  entries: { at: number; points: number; creations: number }[];
  open: number;
  /** The hour of the primary limit. */
  primary: { until: number; used: number };
}

interface Request {
  method: string;
  path: string;
  body: JsonObject;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const PRIMARY = 5000;
const PAGE = 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api';

/** What people see anew, and hear of. */
const CREATED =
  /^\/repos\/[^/]+\/[^/]+\/(issues|pulls|releases|merges|git\/commits|issues\/\d+\/comments|pulls\/\d+\/(comments|reviews)|commits\/\w+\/comments)$/;

function weigh({ method, path, body }: Request): { points: number; creations: number } {
  const { query } = body;
  if (path.endsWith('/graphql') && typeof query === 'string') {
    const points = /^\s*mutation\b/.test(query) ? 5 : 1;
    return { points, creations: points === 5 && query.includes('createCommitOnBranch') ? 1 : 0 };
  }
  if (/^(GET|HEAD|OPTIONS)$/.test(method)) return { points: 1, creations: 0 };
  return { points: 5, creations: method === 'POST' && CREATED.test(path) ? 1 : 0 };
}

/** A refusal with the body and headers that GitHub sends. */
export class LimitFault extends Fault {
  readonly headers: Record<string, string>;
  readonly #page: string;

  constructor(message: string, page: string, headers: Record<string, string>) {
    super(403, message);
    this.#page = page;
    this.headers = headers;
  }

  override body(): JsonObject {
    return { message: this.message, documentation_url: this.#page, status: String(this.status) };
  }
}

export class Limiter {
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #usage = new Map<string, Usage>();
  readonly violations: Violation[] = [];

  constructor(limits: Limits = {}, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Counts a request; the result is called at its end. @throws LimitFault where an installation passes a limit */
  enter(actor: Actor, request: Request): () => void {
    const usage = this.#usageOf(actor);
    const weight = weigh(request);
    if (actor.kind === 'installation') this.#check(usage, weight, `${request.method} ${request.path}`);
    usage.entries.push({ at: this.#now(), ...weight });
    usage.primary.used += 1;
    usage.open += 1;
    return () => {
      usage.open -= 1;
    };
  }

  #check(usage: Usage, weight: { points: number; creations: number }, request: string): void {
    const now = this.#now();
    const sum = (of: 'points' | 'creations', span: number) =>
      usage.entries.filter(({ at }) => at > now - span).reduce((total, entry) => total + entry[of], weight[of]);
    const amounts: Record<Violation['limit'], number> = {
      requestsAnHour: usage.primary.used + 1,
      pointsAMinute: sum('points', MINUTE_MS),
      creationsAMinute: weight.creations && sum('creations', MINUTE_MS),
      creationsAnHour: weight.creations && sum('creations', HOUR_MS),
      atOnce: usage.open + 1,
    };
    const passed = Object.entries(amounts) as [Violation['limit'], number][];
    const limit = passed.find(([name, amount]) => amount > (this.#limits[name] ?? Infinity))?.[0];
    if (limit === undefined) return;
    this.violations.push({ limit, request });
    if (limit === 'requestsAnHour') throw new LimitFault('API rate limit exceeded for the installation.', PAGE, {});
    const { retryAfter = 60 } = this.#limits;
    const message = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
    throw new LimitFault(message, `${PAGE}#about-secondary-rate-limits`, retryAfter === null ? {} : { 'retry-after': String(retryAfter) });
  }

  primary(actor: Actor): { limit: number; remaining: number; used: number; reset: number } {
    const { used, until } = this.#usageOf(actor).primary;
    const reset = Math.ceil(until / 1000);
    const { requestsAnHour: limit } = this.#limits;
    if (limit === undefined) return { limit: PRIMARY, remaining: PRIMARY, used, reset };
    return { limit, remaining: Math.max(limit - used, 0), used: Math.min(used, limit), reset };
  }

  headers(actor: Actor): Record<string, string> {
    const { limit, remaining, used, reset } = this.primary(actor);
    return {
      // By the same clock as the reset.
      date: new Date(this.#now()).toUTCString(),
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-used': String(used),
      'x-ratelimit-reset': String(reset),
      'x-ratelimit-resource': 'core',
    };
  }

  #usageOf(actor: Actor): Usage {
    const now = this.#now();
    const name = actor.kind === 'user' ? `user ${actor.account.login}` : actor.kind;
    const known = this.#usage.get(name) ?? { entries: [], open: 0, primary: { until: 0, used: 0 } };
    this.#usage.set(name, known);
    // They are in order, and most requests find none that is over: a copy for each would take longer the more there are.
    const kept = known.entries.findIndex(({ at }) => at > now - HOUR_MS);
    if (kept !== 0) known.entries.splice(0, kept === -1 ? known.entries.length : kept);
    if (known.primary.until <= now) known.primary = { until: now + HOUR_MS, used: 0 };
    return known;
  }
}
