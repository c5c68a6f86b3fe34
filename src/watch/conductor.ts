import { findingOf, tell } from '../domain/conductor.ts';
import type { Overlap } from '../domain/conductor.ts';
import type { Project } from '../domain/model.ts';
import { overlappingPaths, sizeOf } from '../domain/overlap.ts';
import { findDuplicates } from '../domain/similarity.ts';
import type { Repository } from '../github/repository.ts';
import type { PullFile } from '../github/pulls.ts';
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
    duplicates: findDuplicates(tickets),
    repository: open,
    files(pull) {
      const files = asked.get(pull) ?? open().then(({ pulls }) => pulls.files(pull));
      asked.set(pull, files);
      return files;
    },
  };
}

/** Older pull requests that share a file. What their lines are is asked of GitHub only where a pair has changed since it was asked. */
function neighbours(board: Board, ticket: BoardTicket): BoardTicket[] {
  const { pull, files } = ticket;
  if (pull === null) return [];
  return [...board.tickets.values()]
    .filter((other) => other.pull !== null && other.pull < pull && other.files.some((file) => files.includes(file)))
    .slice(-COMPARED);
}

async function overlapsOf(board: Board, ticket: BoardTicket, others: readonly BoardTicket[]): Promise<Overlap[]> {
  const overlaps: Overlap[] = [];
  if (ticket.pull === null || others.length === 0) return overlaps;
  const own = await board.files(ticket.pull);
  for (const { pull } of others) {
    const theirs = await board.files(pull ?? 0);
    const paths = overlappingPaths(own, theirs);
    if (pull !== null && paths.length > 0) overlaps.push({ pull, paths, size: sizeOf(theirs), ownSize: sizeOf(own) });
  }
  return overlaps;
}

async function lookAt({ memory }: WatchItem<TicketFacts>, board: Board, ticket: BoardTicket): Promise<Look> {
  const older = [...board.tickets.values()].find(({ number }) => number === board.duplicates.get(ticket.number));
  const others = neighbours(board, ticket);
  const heads = [ticket, ...others].map(({ pull, head }) => `${pull}@${head}`).join(' ');
  const known = memory['heads'] === heads && Array.isArray(memory['overlaps']) ? (memory['overlaps'] as unknown as Overlap[]) : null;
  const overlaps = known ?? (await overlapsOf(board, ticket, others));
  const relations = { duplicateOf: older ? { number: older.number, title: older.title } : null, overlaps };
  const before = Array.isArray(memory['told']) ? memory['told'].map(String) : [];
  const { intents, did, told } = tell({ projectId: board.project.id, number: ticket.number, pull: ticket.pull }, relations, before);
  return {
    finding: findingOf(relations),
    memory: { heads, overlaps: overlaps.map((overlap) => ({ ...overlap, paths: [...overlap.paths] })), told },
    act: intents.length === 0 ? null : { ticketId: ticket.id, expectVersion: null, intents },
    did,
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
    return ticket ? lookAt({ ...item, data }, board, ticket) : { finding: null, memory: item.memory };
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
