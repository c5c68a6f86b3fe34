import { marker } from '../domain/markers.ts';
import type { Project, TicketSnapshot } from '../domain/model.ts';
import { FINISHED } from '../domain/routing.ts';
import { endUnreachable, reconcile, showsState } from '../domain/reconcile.ts';
import type { PullTruth, Reconciled, ReconcileContext, Truth } from '../domain/reconcile.ts';
import { fromRunSnapshot } from '../engine/run-config.ts';
import type { ListedIssue } from '../github/issues.ts';
import type { Repository } from '../github/repository.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchJob, WatchParts } from './job.ts';

/*
 * Compares every open ticket with GitHub, once a run. A repository is asked where it is in one request, and its open issues come a hundred a
 * request: what the list shows to be as it should is asked about no further.
 */

interface TicketFacts {
  ticket_id: string;
  number: number;
  version: number;
  /** Of the same repository. */
  open_tickets: number;
  project: Project;
  status_comment: number | null;
}

/** What was found of a ticket that is over by now, to be forgotten. */
interface Over {
  over: true;
}

/** Where fewer tickets are open, each is asked about by itself. */
const WORTH_A_LIST = 5;
/** Of a hundred issues each; what stands further down is asked about by itself. */
const LIST_PAGES = 10;
const ROWS = 500;
/** What comes back as often is done by somebody on purpose. */
const PUT_RIGHT_TIMES = 3;

/** One repository, as one run finds it; `note`: why its work ends, where it does. */
type Board =
  | { reachable: true; repository: Repository; open: ReadonlyMap<number, ListedIssue> | null }
  | { reachable: false; finding: string; note: string | null };

/** Blocked for so long, until then it may come back: a repository is deleted by mistake, an App installed anew. */
const GONE_DAYS = 14;
const DAY_MS = 86_400_000;

const OUT_OF_REACH = {
  repository: { finding: 'repository_gone', note: 'The repository was deleted, or is no longer part of the installation of the App, so I stopped.' },
  installation: { finding: 'installation_gone', note: 'The App is no longer installed here, so I stopped.' },
  archived: { finding: 'repository_archived', note: 'The repository was archived, so I stopped.' },
  // Whoever suspends an installation means to come back.
  suspended: { finding: 'installation_suspended', note: null },
} as const;

function outOfReach(why: keyof typeof OUT_OF_REACH, since: string | null | undefined): Board {
  const { finding, note } = OUT_OF_REACH[why];
  return { reachable: false, finding, note: since && Date.now() - Date.parse(since) > GONE_DAYS * DAY_MS ? note : null };
}

async function readBoard({ store, github }: WatchParts, { project, open_tickets: openTickets }: TicketFacts): Promise<Board> {
  const place = await github.locate(project);
  if (!place.reachable) {
    const kept = await store.placeProject(project.id, { missing: place.missing });
    return outOfReach(place.missing, kept?.out_of_reach_since);
  }
  const { owner, name, default_branch: branch, archived } = place;
  const kept = await store.placeProject(project.id, { missing: null, owner, name, default_branch: branch, archived });
  if (archived) return outOfReach('archived', kept?.out_of_reach_since);
  const repository = await github.repository(kept?.project ?? project);
  if (openTickets < WORTH_A_LIST) return { reachable: true, repository, open: null };
  const { issues } = await repository.issues.listOpen(LIST_PAGES);
  return { reachable: true, repository, open: new Map(issues.map((issue) => [issue.number, issue])) };
}

async function orGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (thrown) {
    const error = toBanyanError(thrown);
    // 410: GitHub says of a deleted issue that there was one.
    if (error.code === 'not_found' || error.data['status'] === 410) return null;
    throw error;
  }
}

async function pullOf(repository: Repository, number: number | null | undefined): Promise<PullTruth | null> {
  if (!number) return null;
  const pull = await orGone(repository.pulls.get(number));
  if (pull === null) return null;
  const state = pull.merged ? 'merged' : pull.state;
  const closedBy = state === 'open' ? null : ((await orGone(repository.issues.get(number)))?.closedBy ?? null);
  return { state, closedBy, url: pull.url };
}

async function statusComments({ github }: WatchParts, repository: Repository, { project, number }: TicketFacts): Promise<number[]> {
  const hidden = marker('status', `${project.id}#${number}/status`);
  const [login, thread] = await Promise.all([github.login(), repository.issues.thread(number)]);
  return thread.filter(({ author, body }) => author === login && body.includes(hidden)).map(({ id }) => id);
}

/** Whether the list alone shows that nothing is to be done. */
function isAsListed(snapshot: TicketSnapshot, issue: ListedIssue, { item, labels, open }: Listed): boolean {
  const pull = snapshot.code?.pr_number;
  const known = item.data.status_comment === null || item.memory['comments'] === issue.comments;
  return known && (!pull || open.has(pull)) && showsState(snapshot, issue.labels, labels);
}

interface Listed {
  item: WatchItem<TicketFacts>;
  labels: ReconcileContext['labels'];
  open: ReadonlyMap<number, ListedIssue>;
}

async function lookAtTicket(parts: WatchParts, item: WatchItem<TicketFacts>, { repository, open }: Board & { reachable: true }): Promise<Look> {
  const { data, memory } = item;
  const snapshot = await parts.store.ticketSnapshot(data.ticket_id);
  const { labels } = fromRunSnapshot(snapshot.run?.config_snapshot ?? {}).repository;
  const shown = open?.get(data.number);
  if (open && shown && isAsListed(snapshot, shown, { item, labels, open })) return { finding: null, memory };
  // Asked after the snapshot was taken: what has changed on GitHub since has changed the ticket's version too, and is left to the next look.
  const issue = await orGone(repository.issues.get(data.number));
  const comments = issue?.comments ?? null;
  const counted = memory['comments'] === comments || issue?.state !== 'open';
  const truth: Truth = {
    issue: issue && { closed: issue.state === 'closed', closedBy: issue.closedBy, labels: issue.labels },
    pull: await pullOf(repository, snapshot.code?.pr_number),
    statusComments: counted || data.status_comment === null ? null : await statusComments(parts, repository, data),
  };
  const context = { source: `reconcile/${item.looks}`, labels, statusComment: data.status_comment };
  return toLook(item, snapshot, { found: reconcile(snapshot, truth, context), comments });
}

function toLook(item: WatchItem<TicketFacts>, snapshot: TicketSnapshot, { found, comments }: { found: Reconciled | null; comments: number | null }): Look {
  if (!found) return { finding: null, memory: { comments } };
  const times = item.finding === found.finding ? Number(item.memory['times'] ?? 0) : 0;
  const look = { finding: found.finding, memory: { times: times + 1 } };
  if (times >= PUT_RIGHT_TIMES) return look;
  const { id, version } = snapshot.ticket;
  return { ...look, act: { ticketId: id, expectVersion: version, intents: found.intents }, did: [found.deed] };
}

async function endOf({ store }: WatchParts, ticketId: string, { finding, note }: Board & { reachable: false }): Promise<Look> {
  const snapshot = await store.ticketSnapshot(ticketId);
  if (note === null || FINISHED.includes(snapshot.ticket.state)) return { finding };
  const act = { ticketId, expectVersion: snapshot.ticket.version, intents: endUnreachable(snapshot, note) };
  return { finding, act, did: ['ended'] };
}

function createLook() {
  const boards = new Map<string, Promise<Board>>();
  return async ({ data, ...item }: WatchItem<TicketFacts | Over>, parts: WatchParts): Promise<Look> => {
    if ('over' in data) return { finding: null };
    const { id } = data.project;
    const reading = boards.get(id) ?? readBoard(parts, data);
    boards.set(id, reading);
    const board = await reading;
    return board.reachable ? lookAtTicket(parts, { ...item, data }, board) : endOf(parts, data.ticket_id, board);
  };
}

export const reconcileJob: WatchJob = {
  name: 'reconcile',
  run: (parts, until) => lookingJob({ name: 'reconcile', rows: ROWS, oncePerRun: true, look: createLook() }).run(parts, until),
};
