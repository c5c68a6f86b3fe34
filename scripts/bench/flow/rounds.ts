import { BanyanError, toBanyanError } from '../../../src/kernel/errors.ts';
import { cpuBetween, cpuOf } from '../processor.ts';
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
  repositories: number;
  /** From the first creation to the last issue that is ready. */
  totalMs: number;
  marks: Record<Mark, number>[];
  spans: Span[];
  /** As in a round, over the whole. */
  cpu: Record<string, number | null>;
}

const ORGANIZATION = 'acme';

/** A repository of its own for each issue: nothing of it is known to the process yet, as with an issue that comes hours after the last one. */
async function prepare(stage: Stage, repo: string): Promise<void> {
  const { repos } = stage.maintainer.rest;
  await repos.createInOrg({ org: ORGANIZATION, name: repo, auto_init: true });
  for (const [path, content] of Object.entries(FILES)) {
    const file = { owner: ORGANIZATION, repo, path, message: `add ${path}`, content: Buffer.from(content).toString('base64') };
    await repos.createOrUpdateFileContents(file);
  }
}

interface Opened {
  /** As the recorder names it. */
  issue: string;
  /** The moment at which the answer was here. */
  at: number;
}

async function openIssue(stage: Stage, repo: string): Promise<Opened> {
  const { data } = await stage.maintainer.rest.issues.create({ owner: ORGANIZATION, repo, ...ISSUE });
  return { issue: `${repo}#${data.number}`, at: performance.now() };
}

async function follow(stage: Stage, { issue, at }: Opened): Promise<Record<Mark, number>> {
  const reached = await Promise.all(MARKS.map(async (mark) => [mark, (await stage.recorder.reached(issue, mark)) - at] as const));
  return Object.fromEntries(reached) as Record<Mark, number>;
}

/** The figures count only if what they are about is really there. */
async function verify(stage: Stage, repo: string, issues: number): Promise<void> {
  const { data } = await stage.maintainer.rest.pulls.list({ owner: ORGANIZATION, repo, state: 'all', per_page: 100 });
  const ready = data.filter((pull) => pull.draft === false && pull.state === 'open');
  if (data.length === issues && ready.length === issues) return;
  throw new BanyanError('internal', `${repo} should have ${issues} open pull requests that are no drafts; it has ${data.length}, ${ready.length} of them such`);
}

interface Used {
  functions: number | null;
  github: number | null;
  database: ReadonlyMap<number, number>;
}

async function look(stage: Stage): Promise<Used> {
  return { functions: cpuOf(process.pid), github: cpuOf(stage.githubPid), database: await stage.databaseCpu() };
}

async function cpuSince(stage: Stage, before: Used): Promise<Record<string, number | null>> {
  const after = await look(stage);
  const minus = (later: number | null, earlier: number | null) => (later === null || earlier === null ? null : later - earlier);
  return {
    functions: minus(after.functions, before.functions),
    database: cpuBetween(before.database, after.database),
    github: minus(after.github, before.github),
  };
}

function shifted(spans: Span[], origin: number): Span[] {
  return spans.map((span) => ({ ...span, start: span.start - origin, end: span.end - origin }));
}

/** What fails or does not end says in which state the work was left: nobody can look later. */
async function withEvidence<T>(stage: Stage, play: () => Promise<T>): Promise<T> {
  try {
    return await play();
  } catch (thrown) {
    const error = toBanyanError(thrown);
    const evidence = await stage.evidence();
    throw new BanyanError(error.code, [error.message, ...evidence].join('\n  '), { cause: thrown });
  }
}

/** One issue while nothing else is open. */
export function playOne(stage: Stage, repo: string): Promise<Round> {
  return withEvidence(stage, () => one(stage, repo));
}

async function one(stage: Stage, repo: string): Promise<Round> {
  const { recorder } = stage;
  await prepare(stage, repo);
  await recorder.quiet();
  const before = await look(stage);
  const opened = await openIssue(stage, repo);
  await recorder.reached(opened.issue, 'pull');
  const cpu = await cpuSince(stage, before);
  const marks = await follow(stage, opened);
  await recorder.quiet();
  await verify(stage, repo, 1);
  return { repo, marks, cpu, spans: shifted(within(recorder.spans, { start: opened.at, end: opened.at + marks.ready }), opened.at) };
}

/** All issues at once, spread over the repositories. */
export function playMany(stage: Stage, issues: number, repositories: number): Promise<Burst> {
  return withEvidence(stage, () => many(stage, issues, repositories));
}

async function many(stage: Stage, issues: number, repositories: number): Promise<Burst> {
  const { recorder } = stage;
  const repos = Array.from({ length: repositories }, (_, index) => `burst-${repositories}-${index + 1}`);
  for (const repo of repos) await prepare(stage, repo);
  await recorder.quiet();
  const before = await look(stage);
  const start = performance.now();
  const targets = Array.from({ length: issues }, (_, index) => repos[index % repositories] ?? '');
  const marks = await Promise.all(targets.map(async (repo) => follow(stage, await openIssue(stage, repo))));
  const end = performance.now();
  const cpu = await cpuSince(stage, before);
  await recorder.quiet();
  for (const repo of repos) await verify(stage, repo, issues / repositories);
  return { issues, repositories, totalMs: end - start, marks, cpu, spans: shifted(within(recorder.spans, { start, end }), start) };
}
