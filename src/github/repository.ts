import type { Octokit } from '@octokit/rest';
import type { Project } from '../domain/model.ts';
import { createCalls } from './calls.ts';
import { createChecks } from './checks.ts';
import type { Checks } from './checks.ts';
import { createCommits } from './commits.ts';
import type { Commits } from './commits.ts';
import { createIssues } from './issues.ts';
import type { Issues } from './issues.ts';
import { createPulls } from './pulls.ts';
import type { Pulls } from './pulls.ts';
import { createSource } from './source.ts';
import type { Source } from './source.ts';

/** One repository on GitHub, as Banyan reads and writes it. */
export interface Repository {
  readonly project: Project;
  readonly issues: Issues;
  readonly source: Source;
  readonly commits: Commits;
  readonly pulls: Pulls;
  readonly checks: Checks;
}

export function createRepository(options: { octokit: Octokit; project: Project; graphqlUrl: string }): Repository {
  const calls = createCalls(options.octokit, options.project, options.graphqlUrl);
  return {
    project: options.project,
    issues: createIssues(calls),
    source: createSource(calls),
    commits: createCommits(calls),
    pulls: createPulls(calls),
    checks: createChecks(calls),
  };
}
