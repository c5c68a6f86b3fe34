import type { Project } from '../domain/model.ts';

/** Where a repository is by GitHub's word; `missing`: why it is out of reach. */
export interface ProjectPlace {
  missing: 'installation' | 'suspended' | 'repository' | null;
  owner?: string;
  name?: string;
  default_branch?: string;
  archived?: boolean;
}

/** Calls of the jobs that look at whole repositories. */
export interface BoardStore {
  /** Keeps where a repository is. @returns the project as it is now, and since when it is out of reach; null where there is none any more */
  placeProject(projectId: string, place: ProjectPlace): Promise<{ project: Project; out_of_reach_since: string | null } | null>;
  /** Of these beginnings of task ids, those whose task is known and not at work. */
  tasksAtRest(ids: readonly string[]): Promise<string[]>;
}
