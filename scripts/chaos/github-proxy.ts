import type { ServerResponse } from 'node:http';
import { forward, send, sendHalf, serveRaw, untilGivenUp } from './http.ts';
import type { Answer, RawServer, Received } from './http.ts';
import type { Injector } from './injector.ts';
import type { Fault, Place } from './plan.ts';

export interface GitHubProxyOptions {
  github: string;
  injector: Injector;
  /** Kills the worker that this proxy serves. */
  kill: () => void;
}

/** Longer than a caller waits. */
const HANG_MS = 60_000;

function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body: Buffer.from(JSON.stringify(body)) };
}

const SECONDARY_LIMIT = json(
  403,
  {
    message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    documentation_url: 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits',
  },
  { 'retry-after': '1' },
);

/** What GitHub answers in the place of doing it. */
const REFUSALS: Record<string, Answer> = {
  '500': json(500, { message: 'Server Error' }),
  '502': { status: 502, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html><title>Unicorn! &middot; GitHub</title></html>') },
  '403 retry-after': json(403, { message: 'Forbidden' }, { 'retry-after': '1' }),
  '429': json(429, { message: 'Too many requests' }, { 'retry-after': '1', 'x-ratelimit-remaining': '0' }),
  'secondary limit': SECONDARY_LIMIT,
  '422 another was faster': json(422, { message: 'Validation Failed', errors: [{ code: 'already_exists' }] }),
};

/** The places that a request counts at, the finest first. */
function placesOf({ method, path }: Received): Place[] {
  if (method === 'GET') return ['github.read'];
  if (method !== 'POST') return ['github.write'];
  if (path.endsWith('/git/refs')) return ['github.ref', 'github.write'];
  if (/^\/repos\/[^/]+\/[^/]+\/labels$/.test(path)) return ['github.label', 'github.write'];
  return path.endsWith('/pulls') ? ['github.pull', 'github.write'] : ['github.write'];
}

function nextFault(injector: Injector, received: Received): Fault | null {
  const target = `${received.method} ${received.path.replace(/\?.*/, '')}`;
  for (const place of placesOf(received)) {
    const fault = injector.next(place, target);
    if (fault) return fault;
  }
  return null;
}

/** GitHub's API as one worker reaches it. */
export function startGitHubProxy({ github, injector, kill }: GitHubProxyOptions): Promise<RawServer> {
  async function strike(kind: string, received: Received, response: ServerResponse): Promise<void> {
    const what = kind.replace(/ (before|after)$/, '');
    const done = kind.endsWith(' after') || what === '422 another was faster' || what === 'half an answer' ? await forward(github, received) : null;
    const refusal = REFUSALS[what];
    if (refusal) return send(response, refusal);
    if (what === 'half an answer' && done) return sendHalf(response, done);
    if (what === 'time-out') await untilGivenUp(response, HANG_MS);
    response.destroy();
  }

  return serveRaw(async (received, response) => {
    const fault = nextFault(injector, received);
    if (!fault) return send(response, await forward(github, received));
    if (fault.family !== 'kill') return strike(fault.kind, received, response);
    if (fault.kind.endsWith('after a write')) await forward(github, received);
    kill();
    response.destroy();
  });
}
