import { BanyanError } from '../../kernel/errors.ts';
import { runCommand, type CommandOptions } from '../command.ts';

/** What git says; undefined where there is no git, or no repository. */
async function git(args: readonly string[], options: CommandOptions): Promise<string | undefined> {
  const result = await runCommand('git', args, { ...options, env: { ...options.env, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' } }).catch((error: unknown) => {
    if (error instanceof BanyanError && error.code === 'not_found') return undefined;
    throw error;
  });
  return result?.code === 0 ? result.output : undefined;
}

/**
 * Whether the child's folder is under git, and differs from the last commit. Only what is below it counts: a child may be a part of a
 * larger repository.
 */
async function lookAtGit(options: CommandOptions): Promise<{ repository: boolean; dirty: string[] }> {
  const status = await git(['-c', 'core.quotePath=false', 'status', '--porcelain', '--untracked-files=all', '--', '.'], options);
  if (status === undefined) return { repository: false, dirty: [] };
  return { repository: true, dirty: status.split('\n').flatMap((line) => (line.length > 3 ? [line.slice(3)] : [])) };
}

/** @throws BanyanError `conflict` where something is not committed */
export async function requireClean(options: CommandOptions): Promise<boolean> {
  const { repository, dirty } = await lookAtGit(options);
  if (dirty.length === 0) return repository;
  const shown = dirty.slice(0, 5).join(', ') + (dirty.length > 5 ? ` and ${dirty.length - 5} more` : '');
  throw new BanyanError('conflict', `There are changes that are not committed: ${shown}.`, {
    fix: 'Commit them, or put them aside (git stash -u, afterwards git stash pop); --force updates all the same.',
    data: { paths: dirty.slice(0, 20) },
  });
}

export interface Head {
  commit: string;
  /** Of the child in its repository, with a slash at its end; empty at the top. */
  prefix: string;
}

export async function readHead(options: CommandOptions): Promise<Head | undefined> {
  const commit = await git(['rev-parse', 'HEAD'], options);
  const prefix = await git(['rev-parse', '--show-prefix'], options);
  return commit === undefined ? undefined : { commit: commit.trim(), prefix: (prefix ?? '').trim() };
}

/** Paths below the child that the last commit has: only those can be removed by another one. */
export async function committedPaths(options: CommandOptions): Promise<Set<string>> {
  const listed = await git(['ls-tree', '-r', '-z', '--name-only', 'HEAD'], options);
  return new Set((listed ?? '').split('\0'));
}
