import type { DigestFigures } from '../domain/digest.ts';
import type { Project, TicketState } from '../domain/model.ts';

/** Where a repository is by GitHub's word; `missing`: why it is out of reach. */
export interface ProjectPlace {
  missing: 'installation' | 'suspended' | 'repository' | null;
  owner?: string;
  name?: string;
  default_branch?: string;
  archived?: boolean;
}

/** An open ticket as it stands beside the others of its repository. */
export interface BoardTicket {
  id: string;
  number: number;
  title: string;
  body: string;
  state: TicketState;
  /** Its pull request, while it is open, the head that Banyan last gave it, and the paths it changes. */
  pull: number | null;
  head: string | null;
  /** The branch that it is to be merged into. */
  base: string | null;
  files: string[];
  /** How it stands: another word after each change. */
  seen: string;
  /** When the board was read, the same for all of it; later ones sort after earlier ones. */
  read_at: string;
}

/** Calls of the jobs that look at whole repositories. */
export interface BoardStore {
  /** Keeps where a repository is. @returns the project as it is now, and since when it is out of reach; null where there is none any more */
  placeProject(projectId: string, place: ProjectPlace): Promise<{ project: Project; out_of_reach_since: string | null } | null>;
  /** Of these beginnings of task ids, those whose task is known and not at work. */
  tasksAtRest(ids: readonly string[]): Promise<string[]>;
  /** The newest open tickets of a repository, by number. */
  board(projectId: string, limit: number): Promise<BoardTicket[]>;
  /** Agents that could work where tasks are due for a minute, and these tasks; over all organizations. */
  idleCapacity(): Promise<{ agents: number; tasks: number }>;
  /** The last seven days of a repository, with `shown` items of each list. */
  digestFigures(projectId: string, shown: number): Promise<DigestFigures>;
}
