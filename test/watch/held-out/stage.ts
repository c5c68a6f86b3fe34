import { tickJobs } from '../../../src/domain/schedule.ts';
import { WATCH_JOBS } from '../../../src/watch/index.ts';
import { runJob } from '../../../src/watch/job.ts';
import { commentsOf, labelsOf, marked, openIssue, pullsOf, say } from '../../e2e/watch.ts';
import type { Watched } from '../../e2e/watch.ts';
import { PLAIN } from '../../engine/scripts.ts';
import { startEngine } from '../../support/engine.ts';
import type { Engine } from '../../support/engine.ts';
import type { Answer, ChatRequest } from '../../../src/testing/openai-server.ts';

type Play = (request: ChatRequest) => Answer | Promise<Answer>;

/** One repository with one issue in it, and what there is to see of it. */
export interface Plot {
  watched: Watched;
  issue: number;
}

/** An installation that is watched: the whole engine on a local GitHub, and the cron. */
export interface Stage {
  engine: Engine;
  /** A repository whose agents play so, and an issue in it that may start at once. */
  open(repo: string, play: Play, issue?: { title?: string; body?: string; labels?: string[] }): Promise<Plot>;
  /** One tick as the platform makes it, twice at once as it happens; nothing is worked on. */
  tick(jobs?: readonly string[]): Promise<void>;
  /** Jobs that found something about this repository, each with what it found and since when. */
  found(plot: Plot): Promise<string[]>;
  /** The times of one ticket and all that hangs on it lie so many hours further back. */
  age(plot: Plot, hours: number): Promise<void>;
  label(plot: Plot): Promise<string>;
  /** Of its ticket. */
  state(plot: Plot): Promise<string>;
  /** Banyan's comments but for the one status comment and questions. */
  told(plot: Plot): Promise<number>;
  merge(plot: Plot): Promise<void>;
  answer(plot: Plot, words: string): Promise<void>;
  close(): Promise<void>;
}

/** What jobs keep about a repository: marks of its tickets, runs, tasks and itself, diagnoses, and events of the watch. */
const FOUND = `
  with p as (select id from public.projects where name = $1),
  t as (select id, run_id from public.tickets where project_id in (select id from p))
  select job || ': ' || finding as found from banyan.watch_marks
    where finding is not null and (split_part(subject, ':', 2) in (
      select id::text from t union select id::text from public.runs where ticket_id in (select id from t)
      union select id::text from public.tasks where ticket_id in (select id from t) union select id::text from p)
      or exists (select from t where subject like '%' || t.id || '%'))
  union select job || ': stage ' || (memory ->> 'stage') from banyan.watch_marks
    where job = 'approvals' and split_part(subject, ':', 2) in (select id::text from t)
  union select kind || ': ' || cause from public.diagnoses where ticket_id in (select id from t)
  union select 'event: ' || type from public.events
    where ticket_id in (select id from t) and (type = 'run.mended' or type like 'guardian.%')
  order by 1`;

const AGE: readonly string[] = [
  `update public.tickets set waiting_since = waiting_since - $2 where id = $1`,
  `update public.runs set started_at = started_at - $2 where ticket_id = $1`,
  `update public.tasks set created_at = created_at - $2, leased_at = leased_at - $2, lease_expires_at = lease_expires_at - $2,
     started_at = started_at - $2, finished_at = finished_at - $2, due_at = due_at - $2, waiting_since = waiting_since - $2 where ticket_id = $1`,
  `update public.messages set created_at = created_at - $2 where conversation_id in (
     select c.id from public.conversations c join public.tasks k on k.id = c.task_id where k.ticket_id = $1)`,
];

export async function startStage(): Promise<Stage> {
  const engine = await startEngine();

  async function ticketId({ watched, issue }: Plot): Promise<string> {
    const rows = await engine.sql<{ id: string }>(
      `select t.id from public.tickets t join public.projects p on p.id = t.project_id where p.name = $1 and t.number = $2`,
      [watched.repo, issue],
    );
    return rows[0]?.id ?? '';
  }

  return {
    engine,
    async open(repo, play, { title = 'Greet more warmly', body = 'Please.', labels = ['ready-for-dev'] } = {}) {
      engine.cast.in(repo, play);
      const watched = await engine.repository(repo, PLAIN);
      return { watched, issue: await openIssue(watched, { title, body, labels }) };
    },
    async tick(jobs = tickJobs()) {
      const parts = { ...engine.process().parts, retention: { deliveryDays: 30, historyDays: 90 } };
      for (const job of WATCH_JOBS.filter(({ name }) => jobs.includes(name))) {
        await Promise.all([runJob(job, parts, Date.now() + 60_000), runJob(job, parts, Date.now() + 60_000)]);
      }
    },
    async found({ watched }) {
      return (await engine.sql<{ found: string }>(FOUND, [watched.repo])).map(({ found }) => found);
    },
    async age(plot, hours) {
      const id = await ticketId(plot);
      for (const statement of AGE) await engine.sql(statement.replaceAll('$2', `interval '${hours} hours'`), [id]);
    },
    async state(plot) {
      const rows = await engine.sql<{ state: string }>('select state from public.tickets where id = $1', [await ticketId(plot)]);
      return rows[0]?.state ?? '';
    },
    label: async ({ watched, issue }) => (await labelsOf(watched, issue)).join(' '),
    async told({ watched, issue }) {
      const comments = (await commentsOf(watched, issue)).filter(({ user }) => user?.type === 'Bot');
      return comments.length - (await marked(watched, issue, 'status')).length - (await marked(watched, issue, 'questions')).length;
    },
    async merge({ watched }) {
      const [pull] = await pullsOf(watched);
      await watched.octokit.rest.pulls.merge({ owner: watched.owner, repo: watched.repo, pull_number: pull?.number ?? 0 });
    },
    async answer({ watched, issue }, words) {
      await say(watched, issue, words);
    },
    close: () => engine.close(),
  };
}
