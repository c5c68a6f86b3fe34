import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { BanyanError } from '../../../src/kernel/errors.ts';
import type { Category, Span } from './spans.ts';

/** What people see first, and what they wait for. */
export const MARKS = ['reaction', 'status', 'pull', 'ready'] as const;

export type Mark = (typeof MARKS)[number];

export interface OpenSpan {
  category: Category;
  name: string;
  repo?: string | null;
  beside?: boolean;
  start?: number;
}

interface Call {
  category: Category;
  name: string;
  repo: string | null;
  /** `<repository>#<number>`, where a mark of it is set. */
  issue: string | null;
  mark: Mark | 'failed' | null;
}

interface Hosts {
  database: string;
  github: string;
  model: string;
}

/** How long one issue may take before the benchmark gives up. */
const PATIENCE_MS = 600_000;
/** So long without any issue coming further: nothing will, whatever time there is. Longer than a call that waits for the worst. */
const STALL_MS = 120_000;
/** Nothing under way for this long: what an issue left behind is done. */
const QUIET_MS = 300;

/** Notes what this process waits for: its calls by `fetch`, and what is told to it. */
export class Recorder {
  readonly spans: Span[] = [];
  readonly #stallMs: number;
  readonly #marks = new Map<string, PromiseWithResolvers<number>>();
  readonly #beside = new AsyncLocalStorage<boolean>();
  readonly #open = new Set<OpenSpan>();
  #lastActive = performance.now();
  /** When an issue last came to a mark, or one was begun to be waited for. */
  #lastProgress = performance.now();

  constructor({ stallMs = STALL_MS }: { stallMs?: number } = {}) {
    this.#stallMs = stallMs;
  }

  /** Begins a span; the function that is returned ends it, under a better name where one is known by then. */
  begin(span: OpenSpan): (name?: string) => void {
    const { category, name, repo = null, beside = false, start = performance.now() } = span;
    const aside = beside || this.#beside.getStore() === true;
    this.#open.add(span);
    return (better = name) => {
      this.#open.delete(span);
      this.#lastActive = performance.now();
      this.spans.push({ category, name: better, repo, beside: aside, start, end: this.#lastActive });
    };
  }

  async time<T>(span: OpenSpan, work: () => Promise<T>): Promise<T> {
    const end = this.begin(span);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** What is called in here is beside the issue's way. */
  beside<T>(work: () => T): T {
    return this.#beside.run(true, work);
  }

  /** Resolves with the moment at which GitHub had answered. @throws BanyanError where a person is needed instead, or no issue comes further any more */
  async reached(issue: string, mark: Mark): Promise<number> {
    const ended = new AbortController();
    const begun = performance.now();
    this.#lastProgress = begun;
    const late = this.#standstill(begun, ended.signal).then((why) => {
      throw new BanyanError('limit_reached', `${issue} did not come to "${mark}": ${why}`, { data: { issue, mark } });
    });
    late.catch(() => undefined);
    const failed = this.#markOf(issue, 'failed').promise.then(() => {
      throw new BanyanError('internal', `${issue}: the status comment asks for a person`, { data: { issue, mark } });
    });
    failed.catch(() => undefined);
    try {
      return await Promise.race([this.#markOf(issue, mark).promise, failed, late]);
    } finally {
      ended.abort();
    }
  }

  /** Resolves when it is no use to wait any longer, with the reason. */
  async #standstill(begun: number, signal: AbortSignal): Promise<string> {
    for (;;) {
      const now = performance.now();
      if (now - begun >= PATIENCE_MS) return `not within ${PATIENCE_MS / 1000} s`;
      if (now - this.#lastProgress >= this.#stallMs) return `no issue came further for ${this.#stallMs / 1000} s`;
      await sleep(Math.min(begun + PATIENCE_MS, this.#lastProgress + this.#stallMs) - now, undefined, { signal });
    }
  }

  /** Resolves when nothing is under way any more. @throws BanyanError where something never ends */
  async quiet(): Promise<void> {
    const begun = performance.now();
    while (this.#open.size > 0 || performance.now() - this.#lastActive < QUIET_MS) {
      if (performance.now() - begun >= this.#stallMs) throw new BanyanError('limit_reached', `it did not become quiet: ${this.underWay()}`);
      await sleep(QUIET_MS / 6);
    }
  }

  /** What is being waited for, in words. */
  underWay(): string {
    const kinds = Map.groupBy(this.#open, ({ category, name }) => (category === 'scheduling' ? 'a worker' : `${category} ${name}`));
    const words = [...kinds].map(([kind, spans]) => `${spans.length} x ${kind}`);
    return words.length > 0 ? `under way: ${words.join(', ')}` : 'nothing is under way';
  }

  /** A `fetch` that notes its calls to the three hosts: from the call until the whole answer is here. */
  wrapFetch(base: typeof fetch, hosts: Hosts): typeof fetch {
    return async (input, init) => {
      const call = describeCall(input, init, hosts);
      if (!call) return base(input, init);
      const end = this.begin(call);
      try {
        const response = await base(input, init);
        const finish = () => {
          end();
          if (call.mark && call.issue && response.ok) this.#reach(call.issue, call.mark);
        };
        void response
          .clone()
          .arrayBuffer()
          .then(finish, () => end());
        return response;
      } catch (error) {
        end();
        throw error;
      }
    };
  }

  #reach(issue: string, mark: Mark | 'failed'): void {
    this.#lastProgress = performance.now();
    this.#markOf(issue, mark).resolve(this.#lastProgress);
  }

  #markOf(issue: string, mark: Mark | 'failed'): PromiseWithResolvers<number> {
    const key = `${issue} ${mark}`;
    const known = this.#marks.get(key) ?? Promise.withResolvers<number>();
    this.#marks.set(key, known);
    return known;
  }
}

function describeCall(input: Parameters<typeof fetch>[0], init: RequestInit | undefined, hosts: Hosts): Call | null {
  const { origin, pathname } = new URL(input instanceof Request ? input.url : String(input));
  const method = (init?.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase();
  const body = typeof init?.body === 'string' ? init.body : '';
  if (origin === hosts.database) return { category: 'database', name: pathname.split('/').at(-1) ?? '', repo: null, issue: null, mark: null };
  if (origin === hosts.model) return { category: 'model', name: 'chat completion', repo: null, issue: null, mark: null };
  if (origin !== hosts.github) return null;
  const repo = /^\/repos\/[^/]+\/([^/]+)/.exec(pathname)?.[1] ?? null;
  return {
    category: 'github',
    name: routeName(method, pathname, body),
    repo,
    issue: repo && issueOf(repo, pathname, body),
    mark: markOf(method, pathname, body),
  };
}

/** A route with its variable parts named, so that calls can be counted. */
function routeName(method: string, path: string, body: string): string {
  if (path === '/graphql') return `graphql ${/\{\s*(\w+)/.exec(body)?.[1] ?? 'query'}`;
  const shape = decodeURIComponent(path)
    .replace(/^\/repos\/[^/]+\/[^/]+/, '')
    .replaceAll(/\b[0-9a-f]{40}\b/g, ':sha')
    .replaceAll(/\/\d+(?=\/|$)/g, '/:n')
    .replace(/\/(heads|contents|collaborators|labels)\/.+?(?=\/permission|$)/, '/$1/:name');
  return `${method} ${shape === '' ? '/' : shape}`;
}

/** By the number in the path, in the branch of a pull request, or in the marker of a status comment. */
function issueOf(repo: string, path: string, body: string): string | null {
  const number = /\/issues\/(\d+)\//.exec(path)?.[1] ?? /"head":"(?:feature|bugfix)\/(\d+)-/.exec(body)?.[1] ?? /<!-- banyan:status:\S*#(\d+)/.exec(body)?.[1];
  return number === undefined ? null : `${repo}#${number}`;
}

function markOf(method: string, path: string, body: string): Call['mark'] {
  if (method === 'POST' && path.endsWith('/reactions')) return 'reaction';
  if (method === 'POST' && path.endsWith('/pulls')) return 'pull';
  if (!/\/comments(\/\d+)?$/.test(path) || !body.includes('<!-- banyan:status:')) return null;
  if (body.includes('A person is needed')) return 'failed';
  if (method === 'POST') return 'status';
  return body.includes('a human may merge') ? 'ready' : null;
}
