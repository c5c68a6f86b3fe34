import { readFileSync } from 'node:fs';
import { BanyanError } from '../../../src/kernel/errors.ts';
import { MARKS } from './recorder.ts';
import type { Mark } from './recorder.ts';
import { FILES, ISSUE } from './scenario.ts';
import { within } from './spans.ts';
import type { Span } from './spans.ts';
import type { Stage } from './stage.ts';

/** What one issue took. Times are milliseconds since GitHub had answered its creation. */
export interface Round {
  repo: string;
  marks: Record<Mark, number>;
  /** From the opening to ready; moved so that the opening is 0. */
  spans: Span[];
  /** Processor time of each process from the opening to the pull request, in milliseconds; null where the system does not tell. */
  cpu: Record<string, number | null>;
}

export interface Burst {
  issues: number;
  /** From the first creation to the last issue that is ready. */
  totalMs: number;
  marks: Record<Mark, number>[];
  spans: Span[];
}

const ORGANIZATION = 'acme';
/** The kernel counts in hundredths of a second. */
const CLOCK_TICK_MS = 10;

/** A repository of its own for each issue: nothing of it is known to the process yet, as with an issue that comes hours after the last one. */
async function prepare(stage: Stage, repo: string): Promise<void> {
  const { repos } = stage.maintainer.rest;
  await repos.createInOrg({ org: ORGANIZATION, name: repo, auto_init: true });
  for (const [path, content] of Object.entries(FILES)) {
    const file = { owner: ORGANIZATION, repo, path, message: `add ${path}`, content: Buffer.from(content).toString('base64') };
    await repos.createOrUpdateFileContents(file);
  }
}

/** @returns the moment at which the answer was here. */
async function openIssue(stage: Stage, repo: string): Promise<number> {
  await stage.maintainer.rest.issues.create({ owner: ORGANIZATION, repo, ...ISSUE });
  return performance.now();
}

async function follow(stage: Stage, repo: string, opened: number): Promise<Record<Mark, number>> {
  const reached = await Promise.all(MARKS.map(async (mark) => [mark, (await stage.recorder.reached(repo, mark)) - opened] as const));
  return Object.fromEntries(reached) as Record<Mark, number>;
}

/** The figures count only if what they are about is really there. */
async function verify(stage: Stage, repo: string): Promise<void> {
  const { data } = await stage.maintainer.rest.pulls.list({ owner: ORGANIZATION, repo, state: 'all' });
  const [pull] = data;
  if (data.length === 1 && pull?.draft === false && pull.state === 'open') return;
  throw new BanyanError('internal', `${repo} should have one open pull request that is no draft; it has ${data.length}${pull?.draft ? ', a draft' : ''}`);
}

/** Processor time that a process has used so far. */
function cpuOf(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
  } catch {
    return null;
  }
}

function cpuOfAll(stage: Stage): Record<string, number | null> {
  return { functions: cpuOf(process.pid), database: cpuOf(stage.pids.supabase), github: cpuOf(stage.pids.github) };
}

function minus(later: Record<string, number | null>, earlier: Record<string, number | null>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(later).map(([name, value]) => [name, value === null ? null : value - (earlier[name] ?? 0)]));
}

function shifted(spans: Span[], origin: number): Span[] {
  return spans.map((span) => ({ ...span, start: span.start - origin, end: span.end - origin }));
}

/** One issue while nothing else is open. */
export async function playOne(stage: Stage, repo: string): Promise<Round> {
  const { recorder } = stage;
  await prepare(stage, repo);
  await recorder.quiet();
  const before = cpuOfAll(stage);
  const opened = await openIssue(stage, repo);
  await recorder.reached(repo, 'pull');
  const cpu = minus(cpuOfAll(stage), before);
  const marks = await follow(stage, repo, opened);
  await recorder.quiet();
  await verify(stage, repo);
  return { repo, marks, cpu, spans: shifted(within(recorder.spans, { start: opened, end: opened + marks.ready }), opened) };
}

/** All issues at once, one in each repository. */
export async function playMany(stage: Stage, count: number): Promise<Burst> {
  const { recorder } = stage;
  const repos = Array.from({ length: count }, (_, index) => `burst-${index + 1}`);
  for (const repo of repos) await prepare(stage, repo);
  await recorder.quiet();
  const start = performance.now();
  const marks = await Promise.all(repos.map(async (repo) => follow(stage, repo, await openIssue(stage, repo))));
  const end = performance.now();
  await recorder.quiet();
  for (const repo of repos) await verify(stage, repo);
  return { issues: count, totalMs: end - start, marks, spans: shifted(within(recorder.spans, { start, end }), start) };
}
