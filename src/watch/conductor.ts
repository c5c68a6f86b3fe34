import { findingOf, tell } from '../domain/conductor.ts';
import type { Overlap, Relations } from '../domain/conductor.ts';
import type { JsonObject, Project } from '../domain/model.ts';
import { overlappingPaths, sizeOf } from '../domain/overlap.ts';
import { findDuplicates } from '../domain/similarity.ts';
import type { Repository } from '../github/repository.ts';
import type { PullFile } from '../github/pulls.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { BanyanError } from '../kernel/errors.ts';
import type { BoardTicket } from '../store/board-contract.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchJob, WatchParts } from './job.ts';

/*
 * Looks at the whole board of each repository: says which issues ask for the same, and which pull requests change the same lines and in what order
 * they would best be merged. It links and reports; it closes and merges nothing.
 */

interface TicketFacts {
  ticket_id: string;
  seen: string;
  project: Project;
}

/** What was found of a ticket that is over, or alone by now, to be forgotten. */
interface Over {
  over: true;
}

/** Of one repository, the newest: who has more open has other worries than two that are alike. */
const BOARD = 500;
const ROWS = 500;
const BATCH = 100;
/** Of pull requests that one other one is compared with; files that many touch are no news. */
const COMPARED = 20;

interface Board {
  project: Project;
  tickets: ReadonlyMap<string, BoardTicket>;
  /** Those with a pull request, the oldest of these first. */
  byPull: readonly BoardTicket[];
  duplicates: ReadonlyMap<number, number>;
  repository(): Promise<Repository>;
  files(pull: number): Promise<PullFile[]>;
}

async function readBoard({ store, github }: WatchParts, project: Project): Promise<Board> {
  const tickets = await store.board(project.id, BOARD);
  const asked = new Map<number, Promise<PullFile[]>>();
  let repository: Promise<Repository> | undefined;
  const open = () => (repository ??= github.repository(project));
  return {
    project,
    tickets: new Map(tickets.map((ticket) => [ticket.id, ticket])),
    byPull: tickets.filter(({ pull }) => pull !== null).toSorted((a, b) => (a.pull ?? 0) - (b.pull ?? 0)),
    duplicates: findDuplicates(tickets),
    repository: open,
    files(pull) {
      const files = asked.get(pull) ?? open().then(({ pulls }) => pulls.files(pull));
      asked.set(pull, files);
      return files;
    },
  };
}

function sharesFile(ticket: BoardTicket, other: BoardTicket): boolean {
  return other.base === ticket.base && other.files.some((file) => ticket.files.includes(file));
}

/** Older pull requests that share a file. What their lines are is asked of GitHub only where a pair has changed since it was asked. */
function olderPulls(board: Board, ticket: BoardTicket): BoardTicket[] {
  const { pull } = ticket;
  if (pull === null) return [];
  return board.byPull.filter((other) => other.pull !== null && other.pull < pull && sharesFile(ticket, other)).slice(-COMPARED);
}

/** Newer ones that this ticket may have to do with as it is now. They tell it, so they are to look again. */
function newerOnes(board: Board, ticket: BoardTicket): string[] {
  const { pull, number } = ticket;
  const copies = [...board.tickets.values()].filter((other) => board.duplicates.get(other.number) === number);
  const pulls = pull === null ? [] : board.byPull.filter((other) => other.pull !== null && other.pull > pull && sharesFile(ticket, other)).slice(0, COMPARED);
  return [...new Set([...copies, ...pulls].map(({ id }) => id))];
}

/** A pair as it was compared; without paths where the two leave each other alone. */
interface Compared extends Overlap {
  heads: string;
  own: number;
}

interface Comparison {
  pairs: Compared[];
  /** Why a pair could not be compared: GitHub does not give the files of every pull request at any time. */
  failed: BanyanError[];
}

async function compare(board: Board, ticket: BoardTicket, known: readonly Compared[]): Promise<Comparison> {
  const comparison: Comparison = { pairs: [], failed: [] };
  for (const { pull, head } of olderPulls(board, ticket)) {
    if (pull === null || ticket.pull === null) continue;
    const heads = `${ticket.pull}@${ticket.head} ${pull}@${head}`;
    const before = known.find((pair) => pair.pull === pull && pair.own === ticket.pull);
    try {
      comparison.pairs.push(before?.heads === heads ? before : { heads, own: ticket.pull, pull, ...(await linesOf(board, ticket.pull, pull)) });
    } catch (thrown) {
      comparison.failed.push(toBanyanError(thrown));
      if (before) comparison.pairs.push(before);
    }
  }
  return comparison;
}

async function linesOf(board: Board, own: number, other: number): Promise<Pick<Overlap, 'paths' | 'size' | 'ownSize'>> {
  const theirs = await board.files(other);
  const mine = await board.files(own);
  return { paths: overlappingPaths(mine, theirs), size: sizeOf(theirs), ownSize: sizeOf(mine) };
}

function duplicateOf({ tickets, duplicates }: Board, { number }: BoardTicket): Relations['duplicateOf'] {
  const all = [...tickets.values()];
  const oldest = all.find((other) => other.number === duplicates.get(number));
  if (!oldest) return null;
  const between = all.filter((other) => other.number < number && duplicates.get(other.number) === oldest.number).length;
  return { number: oldest.number, title: oldest.title, between };
}

/** What is kept of a look; what the candidates read of it is named in SQL. */
function memoryOf({ memory }: WatchItem<TicketFacts>, board: Board, ticket: BoardTicket): JsonObject {
  const { seen, read_at: readAt } = ticket;
  const isNew = memory['seen'] !== seen;
  const meets = isNew ? newerOnes(board, ticket) : (memory['meets'] ?? []);
  return { seen, board_at: readAt, meets, met_at: isNew ? readAt : (memory['met_at'] ?? readAt) };
}

async function lookAt(item: WatchItem<TicketFacts>, board: Board, ticket: BoardTicket, log: WatchParts['log']): Promise<Look> {
  const { memory } = item;
  const known = Array.isArray(memory['compared']) ? (memory['compared'] as unknown as Compared[]) : [];
  const { pairs, failed } = await compare(board, ticket, known);
  const relations = { duplicateOf: duplicateOf(board, ticket), overlaps: pairs.filter(({ paths }) => paths.length > 0) };
  const before = Array.isArray(memory['told']) ? memory['told'].map(String) : [];
  const about = { projectId: board.project.id, number: ticket.number, pull: ticket.pull, approved: ticket.state !== 'awaiting_approval' };
  const { intents, did, told } = tell(about, relations, before);
  const [reason] = failed;
  if (reason) {
    // With nothing else to tell it is this look that failed; else the pair alone, and the next run asks for it again.
    if (pairs.length === 0 && intents.length === 0) throw reason;
    log.warn({ job: 'conductor', subject: item.subject, code: reason.code, pairs: failed.length, err: reason }, 'pull requests could not be compared');
  }
  const compared = pairs.map((pair) => ({ ...pair, paths: [...pair.paths] }));
  return {
    finding: findingOf(relations),
    memory: { ...memoryOf(item, board, ticket), compared, told, ...(reason ? { again: true } : {}) },
    act: intents.length === 0 ? null : { ticketId: ticket.id, expectVersion: null, intents },
    did: reason ? [...did, 'unread'] : did,
  };
}

function createLook() {
  const boards = new Map<string, Promise<Board>>();
  return async ({ data, ...item }: WatchItem<TicketFacts | Over>, parts: WatchParts): Promise<Look> => {
    if ('over' in data) return { finding: null, memory: item.memory };
    const reading = boards.get(data.project.id) ?? readBoard(parts, data.project);
    boards.set(data.project.id, reading);
    const board = await reading;
    const ticket = board.tickets.get(data.ticket_id);
    // One beyond the newest waits for its next change.
    return ticket ? lookAt({ ...item, data }, board, ticket, parts.log) : { finding: null, memory: { ...item.memory, seen: data.seen } };
  };
}

export const conductorJob: WatchJob = {
  name: 'conductor',
  async run(parts, until) {
    const report = await lookingJob({ name: 'conductor', rows: ROWS, batch: BATCH, oncePerRun: true, look: createLook() }).run(parts, until);
    const idle = await parts.store.idleCapacity();
    // Told in the report alone: no issue is the place for it.
    return idle.agents === 0 ? report : { ...report, did: { ...report.did, idle_agents: idle.agents, waiting_tasks: idle.tasks } };
  },
};
