import { Session } from 'node:inspector/promises';
import type { Profiler } from 'node:inspector/promises';

/** Milliseconds of wall time by what was on the processor, or (`WAITING`) that nothing was. */
export type Parts = Record<string, number>;

export const WAITING = 'waiting';

const INTERVAL_US = 200;

/** What the names of packages come to for a reader. */
const PACKAGES: readonly [RegExp, string][] = [
  [/^(?:langchain|@langchain\/)/, 'LangChain and LangGraph'],
  [/^pg(?:-|$)/, 'pg'],
  [/^zod$/, 'zod'],
  [/^@octokit\/|^probot$|^octokit/, 'Octokit and probot'],
  [/^@supabase\//, 'supabase-js'],
];

/** What parts of Node are for. */
const NODE: readonly [RegExp, string][] = [
  [/undici|webstreams|fetch|internal\/blob|internal\/url/, 'Node: Request, Response, web streams'],
  [/http|net|stream|_tls|buffer|timers/, 'Node: HTTP, sockets, streams'],
  [/crypto/, 'Node: HMAC'],
];

/** To whom a frame of a profile belongs. */
export function partOf({ functionName, url }: Pick<Profiler.ProfileNode['callFrame'], 'functionName' | 'url'>): string {
  if (functionName === '(idle)') return WAITING;
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url === '') return 'Node: native code';
  if (url.startsWith('node:')) return NODE.find(([pattern]) => pattern.test(url))?.[1] ?? 'Node: other';
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (name !== undefined) return PACKAGES.find(([pattern]) => pattern.test(name))?.[1] ?? 'other packages';
  return /\/(?:src|api)\//.test(url) ? 'Banyan' : 'the benchmark';
}

/** Each sample counts for whom was found on top of the stack, callees not included. */
export function partsOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Parts {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]));
  const parts: Parts = {};
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? 'Node: other';
    parts[name] = (parts[name] ?? 0) + (timeDeltas[index] ?? 0) / 1000;
  }
  return parts;
}

/** Samples this process (V8's own profiler) until the function that it resolves with is called. */
export async function startProfile(): Promise<() => Promise<Parts>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return partsOf(profile);
  };
}
