import { userInfo } from 'node:os';
import { asciiSlug } from '../kernel/text.ts';
import { repositoryAtHub } from './hub.ts';
import { runCommand, tailOf, type CommandOptions } from './command.ts';

export interface GitOutcome {
  committed: boolean;
  /** Whether the repository was made here, so that undoing removes it. */
  created: boolean;
  /** What a person should know. */
  notes: string[];
}

async function git(args: readonly string[], options: CommandOptions) {
  return runCommand('git', args, { ...options, env: { ...options.env, GIT_TERMINAL_PROMPT: '0' } });
}

async function hasGit(options: CommandOptions): Promise<boolean> {
  return git(['--version'], options).then(
    ({ code }) => code === 0,
    () => false,
  );
}

/** The top of the repository that a folder lies in; undefined outside of one. */
async function repositoryOf(options: CommandOptions): Promise<string | undefined> {
  const { code, output } = await git(['rev-parse', '--show-toplevel'], options);
  return code === 0 ? output.trim() : undefined;
}

/** Every committed file of this path, in any folder of the repository, from its top. */
export async function everywhere(path: string, options: CommandOptions): Promise<string[]> {
  const { code, output } = await git(['ls-files', '-z', '--full-name', '--', `:(top,glob)**/${path}`], options);
  return code === 0 ? output.split('\0').filter((found) => found !== '') : [];
}

/** The commit of a checkout; null for a package. */
export async function commitOf(root: string, options: Omit<CommandOptions, 'cwd'>): Promise<string | null> {
  const here = { ...options, cwd: root };
  if (!(await hasGit(here)) || (await repositoryOf(here)) === undefined) return null;
  const { code, output } = await git(['log', '-1', '--format=%H', '--', 'package.json', 'child-template', 'templates', 'src', 'api'], here);
  return code === 0 && /^[0-9a-f]{40,64}$/.test(output.trim()) ? output.trim() : null;
}

/** Where a checkout comes from: there its children get updates, and give back what they improve. null where that is not at GitHub. */
export async function motherOf(root: string, options: Omit<CommandOptions, 'cwd'>): Promise<string | null> {
  const here = { ...options, cwd: root };
  if (!(await hasGit(here)) || (await repositoryOf(here)) === undefined) return null;
  const { code, output } = await git(['remote', 'get-url', 'origin'], here);
  return code === 0 ? repositoryAtHub(output, options.env) : null;
}

/** An identity that cannot be anybody else's: `.invalid` is reserved, and no account at GitHub has it. */
async function identity(name: string, options: CommandOptions): Promise<{ args: string[]; notes: string[] }> {
  const { code } = await git(['var', 'GIT_COMMITTER_IDENT'], options);
  const explicit = await git(['config', 'user.email'], options);
  if ((code === 0 && explicit.code === 0 && explicit.output.trim() !== '') || options.env['GIT_COMMITTER_EMAIL']) return { args: [], notes: [] };
  const user = asciiSlug(userInfo().username, 40) || 'banyan';
  const email = `${user}@${name.replaceAll('_', '-')}.invalid`;
  return {
    args: ['-c', `user.name=${user}`, '-c', `user.email=${email}`],
    notes: [
      `Git does not know you: the first commit is by ${user} <${email}>. Set user.name and user.email, then: git commit --amend --reset-author --no-edit`,
    ],
  };
}

async function commit(
  paths: readonly string[],
  { name, message }: { name: string; message: string },
  options: CommandOptions,
): Promise<string | GitOutcome['notes']> {
  const who = await identity(name, options);
  const added = await git(['add', '--', ...paths], options);
  if (added.code !== 0) return tailOf(added.output, 5);
  const done = await git([...who.args, 'commit', '-q', '-m', message], options);
  if (done.code === 0) return who.notes;
  return tailOf(done.output, 5) || `nothing, but ended with ${done.code}: a hook of yours may have refused it (git commit shows it).`;
}

export interface FirstCommit {
  /** Of the child: for the identity. */
  name: string;
  message: string;
  /** Entries of the folder that were written. */
  paths: readonly string[];
  /** Make a repository although the folder lies in another one. */
  nested: boolean;
}

/** Makes the repository and its first commit. What git refuses is said and does not undo the child. */
export async function firstCommit(input: FirstCommit, options: CommandOptions): Promise<GitOutcome> {
  const nothing = (note: string): GitOutcome => ({ committed: false, created: false, notes: [note] });
  if (!(await hasGit(options)))
    return nothing('There is no git on this machine: no repository was made. With git: git init && git add . && git commit -m "Spawn"');
  const outer = await repositoryOf(options);
  const own = (await git(['rev-parse', '--show-cdup'], options)).output.trim() === '';
  if (outer !== undefined && !own && !input.nested) {
    return nothing(
      `The folder lies in the repository ${outer}: nothing was committed. Commit it there, or make it a repository of its own with --nested-git. GitHub runs no workflows of a folder: .github/workflows does nothing there.`,
    );
  }
  const created = outer === undefined || !own;
  if (!created && (await git(['rev-parse', '-q', '--verify', 'HEAD'], options)).code === 0) {
    return nothing('The folder is a repository with commits of its own: nothing was committed. See git status.');
  }
  if (created) {
    const made = await git(['init', '-q'], options);
    if (made.code !== 0) return nothing(`git init failed: ${tailOf(made.output, 3)}`);
    await git(['symbolic-ref', 'HEAD', 'refs/heads/main'], options);
  }
  const result = await commit(input.paths, input, options);
  if (typeof result === 'string') return { committed: false, created, notes: [`Nothing was committed. Git said: ${result}`] };
  return { committed: true, created, notes: result };
}
