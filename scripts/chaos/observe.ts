import type { Octokit } from '@octokit/rest';
import { LABEL_KEYS } from '../../src/domain/labels.ts';
import type { Given } from './model.ts';
import { commentsOf } from './people.ts';
import type { Place } from './people.ts';
import type { Rows } from './rows.ts';
import type { Scenario } from './scenarios.ts';
import type { Death } from './workers.ts';
import type { SeenAnswer, SeenIssue, SeenTask, World } from './world.ts';

export interface OpenedIssue {
  number: number;
  scenario: Scenario;
}

/** What a run knows of itself when it looks at what has become of it. */
export interface Aftermath {
  rows: Rows;
  octokit: Octokit;
  at: Place;
  issues: readonly OpenedIssue[];
  sent: ReadonlySet<string>;
  given: readonly Given[];
  deaths: readonly Death[];
  /** When the database was away. */
  cuts: readonly { from: number; to: number }[];
}

interface TicketRow {
  id: string;
  number: number;
  state: string;
}
interface RunRow {
  id: string;
  ticket_id: string;
  state: string;
  spent_usd: number | string;
}
interface TaskRow {
  id: string;
  ticket_id: string;
  run_id: string;
  phase: string;
  state: string;
  lease_owner: string | null;
  tokens_in: number | string;
}
interface EventRow {
  id: number | string;
  ticket_id: string | null;
  data: Record<string, unknown>;
  task_id: string | null;
  type: string;
  created_at: string | Date;
}

interface Tables {
  tickets: TicketRow[];
  runs: RunRow[];
  tasks: TaskRow[];
  effects: { key: string; state: string; lease_owner: string | null }[];
  deliveries: { guid: string; state: string; lease_owner: string | null }[];
  messages: { task: string; tokensIn: number; costUsd: number }[];
  events: EventRow[];
}

/** Who asks a model beside a task's conversation, at the task's cost. */
const BESIDE = new Set(['guardian', 'diagnostician']);

interface ActionRow {
  task_id: string;
  agent: string;
  kind: string;
  tokens_in: number | string;
  cost_usd: number | string;
}

async function readTables(rows: Rows): Promise<Tables> {
  const [tickets, runs, tasks, effects, deliveries, conversations, messages, actions, events] = await Promise.all([
    rows.all<TicketRow>('tickets', 'id, number, state'),
    rows.all<RunRow>('runs', 'id, ticket_id, state, spent_usd'),
    rows.all<TaskRow>('tasks', 'id, ticket_id, run_id, phase, state, lease_owner, tokens_in'),
    rows.all<Tables['effects'][number]>('effects', 'key, state, lease_owner'),
    rows.all<Tables['deliveries'][number]>('deliveries', 'guid, state, lease_owner'),
    rows.all<{ id: string; task_id: string }>('conversations', 'id, task_id'),
    rows.all<{ conversation_id: string; kind: string; tokens_in: number | string | null; cost_usd: number | string | null }>(
      'messages',
      'conversation_id, kind, tokens_in, cost_usd',
    ),
    rows.all<ActionRow>('agent_actions', 'task_id, agent, kind, tokens_in, cost_usd'),
    rows.all<EventRow>('events', 'id, ticket_id, task_id, type, data, created_at'),
  ]);
  const taskOf = new Map(conversations.map(({ id, task_id: task }) => [id, task]));
  const paid = [
    ...messages.filter(({ kind }) => kind === 'ai').map((message) => ({ ...message, task: taskOf.get(message.conversation_id) ?? '' })),
    ...actions.filter(({ agent, kind }) => kind === 'model' && BESIDE.has(agent)).map((action) => ({ ...action, task: action.task_id })),
  ];
  return {
    tickets,
    runs,
    // Their ids grow with time.
    tasks: tasks.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    effects,
    deliveries,
    messages: paid.map((row) => ({ task: row.task, tokensIn: Number(row.tokens_in), costUsd: Number(row.cost_usd) })),
    events,
  };
}

const LAST = 12;

function lastEvents(events: readonly EventRow[], ticketId: string | undefined): string[] {
  const own = events.filter((event) => event.ticket_id === ticketId).toSorted((a, b) => Number(a.id) - Number(b.id));
  return own.slice(-LAST).map(({ type, data, created_at: at }) => `${new Date(at).toISOString().slice(11, 23)} ${type} ${JSON.stringify(data).slice(0, 300)}`);
}

/** What is recorded a moment after it was said is recorded; this is a long moment. */
const MOMENT_MS = 8_000;

/** What may have come between an answer and its record. */
function excuseOf(answer: Given, { deaths, cuts }: Aftermath, events: readonly EventRow[]): string | null {
  const [from, to] = [answer.asked, answer.at + MOMENT_MS];
  const within = (moment: number) => moment >= from && moment <= to;
  if (!answer.taken) return 'whoever asked had gone';
  if (deaths.some((death) => death.slot === answer.slot && within(death.at))) return 'its worker was killed';
  if (cuts.some((cut) => cut.from <= to && cut.to + MOMENT_MS >= from)) return 'the database was away';
  const starts = events.filter(({ type, task_id: task }) => type === 'task.started' && task === answer.task);
  return starts.some(({ created_at: at }) => within(new Date(at).getTime())) ? 'another worker had taken the task over' : null;
}

interface PullCommit {
  sha: string;
  commit: { message: string };
}

const TRAILER = /Banyan-Task: \S+/;

/** Commits without Banyan's trailer whose files are at the head as they were pushed. */
async function keptCommits({ octokit, at }: Aftermath, commits: readonly PullCommit[]): Promise<string[]> {
  const head = commits.at(-1)?.sha;
  const theirs = commits.filter(({ commit }) => !TRAILER.test(commit.message));
  const kept = await Promise.all(
    theirs.map(async ({ sha }) => {
      const [{ data: pushed }, { data: tree }] = await Promise.all([
        octokit.rest.repos.getCommit({ ...at, ref: sha }),
        octokit.rest.git.getTree({ ...at, tree_sha: head ?? sha, recursive: 'true' }),
      ]);
      return (pushed.files ?? []).every((file) => tree.tree.some((entry) => entry.path === file.filename && entry.sha === file.sha));
    }),
  );
  return theirs.filter((_, index) => kept[index]).map(({ commit }) => commit.message.split('\n')[0] ?? '');
}

async function observeIssue(aftermath: Aftermath, { number, scenario }: OpenedIssue, tables: Tables): Promise<SeenIssue> {
  const { octokit, at } = aftermath;
  const [{ data: issue }, comments, all] = await Promise.all([
    octokit.rest.issues.get({ ...at, issue_number: number }),
    commentsOf({ octokit, at }, number),
    octokit.paginate(octokit.rest.pulls.list, { ...at, state: 'all', per_page: 100 }),
  ]);
  const pulls = all.filter((pull) => pull.head.ref.split('/')[1]?.startsWith(`${number}-`));
  const commits = (await Promise.all(pulls.map((pull) => octokit.rest.pulls.listCommits({ ...at, pull_number: pull.number, per_page: 100 })))).flatMap(
    ({ data }) => data,
  );
  const checks = await Promise.all(
    [...new Set(commits.map(({ sha }) => sha))].map((ref) => octokit.rest.checks.listForRef({ ...at, ref, filter: 'all', per_page: 100 })),
  );
  const reviews = (await Promise.all(pulls.map((pull) => octokit.rest.pulls.listReviews({ ...at, pull_number: pull.number, per_page: 100 })))).flatMap(
    ({ data }) => data,
  );
  const ticket = tables.tickets.find((row) => row.number === number);
  return {
    number,
    name: scenario.name,
    expected: scenario.expected,
    ticket: ticket?.state ?? null,
    runs: tables.runs.filter((run) => run.ticket_id === ticket?.id).map((run) => run.state),
    labels: issue.labels
      .map((label) => (typeof label === 'string' ? label : (label.name ?? '')))
      .filter((name) => (LABEL_KEYS as readonly string[]).includes(name)),
    open: issue.state === 'open',
    markers: comments.filter(({ isBot }) => isBot).map(({ body }) => /<!-- banyan:[^>]*-->/.exec(body)?.[0] ?? 'a comment without a marker'),
    said: comments.filter(({ isBot }) => !isBot).length,
    tasks: tables.tasks.filter((task) => task.ticket_id === ticket?.id).map(({ phase, state }) => `${phase} ${state}`),
    pulls: pulls.map((pull) => (pull.merged_at ? 'merged' : pull.state === 'open' ? 'open' : 'closed')),
    commits: commits.flatMap(({ commit }) => TRAILER.exec(commit.message)?.[0] ?? []),
    pushed: await keptCommits(aftermath, commits),
    checks: checks.flatMap(({ data }) =>
      data.check_runs.map((run) => ({ name: run.name, externalId: run.external_id ?? '', conclusion: run.conclusion ?? run.status })),
    ),
    reviews: reviews.map(({ body }) => /<!-- banyan:review:\S+ -->/.exec(body)?.[0] ?? 'a review without a marker'),
    last: lastEvents(tables.events, ticket?.id),
  };
}

function sumsOf({ runs, tasks, messages }: Tables): World['sums'] {
  const total = <T>(list: readonly T[], value: (item: T) => number) => list.reduce((sum, item) => sum + value(item), 0);
  return [
    ...tasks.map((task) => {
      const own = messages.filter((message) => message.task === task.id);
      return { what: `input tokens of task ${task.id}`, kept: Number(task.tokens_in), counted: total(own, ({ tokensIn }) => tokensIn) };
    }),
    ...runs.map((run) => {
      const own = new Set(tasks.filter((task) => task.run_id === run.id).map(({ id }) => id));
      const paid = messages.filter((message) => own.has(message.task));
      return { what: `spend of run ${run.id}`, kept: Number(run.spent_usd), counted: total(paid, ({ costUsd }) => costUsd) };
    }),
  ];
}

/** Everything that is there, in the form in which it is compared. */
export async function observe(aftermath: Aftermath): Promise<World> {
  const tables = await readTables(aftermath.rows);
  const numbers = new Map(tables.tickets.map(({ id, number }) => [id, number]));
  const issues: SeenIssue[] = [];
  for (const issue of aftermath.issues) issues.push(await observeIssue(aftermath, issue, tables));
  return {
    issues,
    tasks: tables.tasks.map((task): SeenTask => ({
      id: task.id,
      issue: numbers.get(task.ticket_id) ?? 0,
      phase: task.phase,
      state: task.state,
      // A cancelled task remembers whose call was under way: its cost still counts.
      leased: task.lease_owner !== null && task.state !== 'cancelled',
      tokensIn: Number(task.tokens_in),
    })),
    effects: tables.effects.map(({ key, state, lease_owner: owner }) => ({ key, state, leased: owner !== null })),
    deliveries: tables.deliveries.map(({ guid, state, lease_owner: owner }) => ({ guid, state, leased: owner !== null })),
    sent: [...aftermath.sent],
    answers: aftermath.given.map((answer): SeenAnswer => ({
      tokensIn: answer.tokensIn,
      task: answer.task,
      excuse: excuseOf(answer, aftermath, tables.events),
    })),
    recorded: tables.messages.map(({ task, tokensIn }) => ({ task, tokensIn })),
    sums: sumsOf(tables),
  };
}
