import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { runCommand, tailOf } from '../command.ts';
import { repositoryOf } from '../hub.ts';
import { secretsOf } from './env-file.ts';
import { ask, expectStatus, readAs, type Answer, type Api } from './http.ts';
import { commandsIn, type Child, type ServiceStep } from './step.ts';

const userSchema = z.object({ login: z.string() });
const repositorySchema = z.object({ full_name: z.string(), clone_url: z.url(), html_url: z.string(), private: z.boolean().optional() });
const branchSchema = z.object({ commit: z.object({ sha: z.string().regex(/^[0-9a-f]{40,64}$/) }) });

type Repository = z.infer<typeof repositorySchema>;

function apiOf(child: Child): { api: Api; token: string } {
  const { env, signal } = child;
  const token = env['GH_TOKEN'] || env['GITHUB_TOKEN'];
  if (!token) {
    throw new BanyanError('config_invalid', '--github: GITHUB_TOKEN (or GH_TOKEN) is not set.', {
      fix: 'Set it to a token that may create repositories and push workflows (classic: repo, workflow; fine-grained: administration, contents, workflows: write), or: GH_TOKEN=$(gh auth token)',
      data: { field: 'GITHUB_TOKEN' },
    });
  }
  const headers = { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };
  const base = env['GITHUB_API_URL'] || 'https://api.github.com';
  return { token, api: { service: 'GitHub', base, headers, signal, heard: new Set(), secrets: () => secretsOf(child) } };
}

async function git(args: readonly string[], child: Child, push?: { token: string; url: string }) {
  const options = commandsIn(child);
  // By the environment, so that the token is in no list of processes and in no configuration of the repository; for this host alone.
  const first = Number(options.env['GIT_CONFIG_COUNT']) || 0;
  const auth = push && {
    GIT_CONFIG_COUNT: String(first + 2),
    [`GIT_CONFIG_KEY_${first}`]: `http.${new URL(push.url).origin}/.extraHeader`,
    [`GIT_CONFIG_VALUE_${first}`]: `Authorization: Basic ${Buffer.from(`x-access-token:${push.token}`).toString('base64')}`,
    // A helper of the system would ask at a window, or send another account's password.
    [`GIT_CONFIG_KEY_${first + 1}`]: 'credential.helper',
    [`GIT_CONFIG_VALUE_${first + 1}`]: '',
  };
  return runCommand('git', args, { ...options, env: { ...options.env, GIT_TERMINAL_PROMPT: '0', ...auth } });
}

/** The child is the whole of its repository, and what its remote says is not contradicted. */
async function requireOwnRepository(child: Child): Promise<void> {
  if ((await git(['rev-parse', '-q', '--verify', 'HEAD'], child)).code !== 0) {
    throw new BanyanError('conflict', '--github: the child has no commit that could be pushed.', {
      fix: 'git init && git add . && git commit -m "Spawn", then run the step again.',
    });
  }
  const below = (await git(['rev-parse', '--show-prefix'], child)).output.trim();
  if (below === '') return;
  const top = (await git(['rev-parse', '--show-toplevel'], child)).output.trim();
  throw new BanyanError('conflict', `--github: the child is the folder ${below} of the repository ${top}, which would be pushed as a whole.`, {
    fix: 'Push that repository as you do; or make the child one of its own first: git init && git add . && git commit -m "Spawn"',
  });
}

async function repositoryOfOrigin(child: Child): Promise<string | null> {
  const origin = await git(['remote', 'get-url', 'origin'], child);
  return origin.code === 0 ? repositoryOf(origin.output) : null;
}

/** @throws BanyanError `conflict` where the child is at another place already: a second one would be made */
function requireSameOrigin(there: string | null, full: string, child: Child): void {
  if (there === null || there.toLowerCase() === full.toLowerCase()) return;
  const [owner = '', name = ''] = there.split('/');
  throw new BanyanError('conflict', `--github: the remote origin is ${there}, and the child is to be ${full}. Nothing was created.`, {
    fix:
      name.toLowerCase() === child.answers.name
        ? `If it belongs there: --owner ${owner}. Else: git remote remove origin`
        : 'Push it there yourself; or, for a repository of the name in the book: git remote remove origin',
  });
}

async function createRepository(api: Api, child: Child, { owner, login }: { owner: string; login: string }): Promise<Answer> {
  const { name, description } = child.answers;
  const own = owner.toLowerCase() === login.toLowerCase();
  const made = await ask(api, 'POST', own ? '/user/repos' : `/orgs/${owner}/repos`, { name, description, private: true, auto_init: false });
  if (made.status !== 404) return expectStatus(api, `creating ${owner}/${name}`, made, [201]);
  throw new BanyanError(
    'forbidden',
    `GitHub: the token of ${login} cannot create a repository at ${owner}: it is no organization, or one that the token does not see.`,
    {
      fix: 'Name the account that it shall belong to (--owner), or give a token of it, and run the step again.',
      data: { status: 404 },
    },
  );
}

/** Finds the repository or creates it, private. */
async function ensureRepository(api: Api, child: Child): Promise<{ repository: Repository; created: boolean }> {
  const user = expectStatus(api, 'who the token belongs to', await ask(api, 'GET', '/user'), [200]);
  const { login } = readAs(api, 'who the token belongs to', userSchema, user);
  const there = await repositoryOfOrigin(child);
  const [theirOwner = '', theirName = ''] = there?.split('/') ?? [];
  const owner = child.answers.owner || (theirName.toLowerCase() === child.answers.name ? theirOwner : login);
  const full = `${owner}/${child.answers.name}`;
  requireSameOrigin(there, full, child);
  const found = expectStatus(api, `looking for ${full}`, await ask(api, 'GET', `/repos/${full}`), [200, 404]);
  const created = found.status === 404;
  const answer = created ? await createRepository(api, child, { owner, login }) : found;
  return { repository: readAs(api, `the repository ${full}`, repositorySchema, answer), created };
}

/** The head of `main` there; null where there are no commits yet. */
async function remoteHead(api: Api, { full_name }: Repository): Promise<string | null> {
  const answer = expectStatus(api, `the branch main of ${full_name}`, await ask(api, 'GET', `/repos/${full_name}/branches/main`), [200, 404, 409]);
  return answer.status === 200 ? readAs(api, `the branch main of ${full_name}`, branchSchema, answer).commit.sha : null;
}

async function hasOtherBranches(api: Api, { full_name }: Repository): Promise<boolean> {
  const answer = await ask(api, 'GET', `/repos/${full_name}/branches?per_page=1`);
  return answer.status === 200 && Array.isArray(answer.body) && answer.body.length > 0;
}

/** `main`, whatever is checked out; before anything was pushed the first commit may be on a branch of any name. */
async function branchToPush(child: Child): Promise<string | null> {
  return (await git(['rev-parse', '-q', '--verify', 'refs/heads/main'], child)).code === 0 ? 'refs/heads/main' : null;
}

async function refuseOthersHistory(api: Api, child: Child, repository: Repository): Promise<'same' | 'behind' | 'empty'> {
  const head = await remoteHead(api, repository);
  const branch = (await branchToPush(child)) ?? 'HEAD';
  const local = (await git(['rev-parse', branch], child)).output.trim();
  if (head === local) return 'same';
  const other = new BanyanError('conflict', `GitHub: ${repository.full_name} has a history of its own.`, {
    fix: 'Choose another name or owner, or empty that repository. If it is this child, pull first: git pull --ff-only',
  });
  if (head === null) {
    if (await hasOtherBranches(api, repository)) throw other;
    return 'empty';
  }
  if ((await git(['merge-base', '--is-ancestor', head, branch], child)).code !== 0) throw other;
  if (branch === 'HEAD')
    throw new BanyanError('conflict', '--github: there is no branch main here, and what is checked out is not pushed in its place.', {
      fix: 'git branch main <commit>, then run the step again.',
    });
  return 'behind';
}

async function push(child: Child, repository: Repository, token: string): Promise<void> {
  const url = repository.clone_url;
  const branch = (await branchToPush(child)) ?? 'HEAD';
  const { code, output } = await git(['push', '-q', url, `${branch}:refs/heads/main`], child, { token, url });
  if (code === 0) return;
  const workflow = /workflow/i.test(output) && /scope|permission/i.test(output);
  throw new BanyanError('forbidden', `The push to ${repository.full_name} failed:\n${tailOf(output.replaceAll(token, '***'), 8)}`, {
    fix: workflow
      ? 'The token may not push workflows: give it the scope "workflow" and run the step again.'
      : 'Correct it and run the step again; or push by hand: git push -u origin main',
  });
}

async function remember(child: Child, repository: Repository): Promise<string[]> {
  const present = await git(['remote', 'get-url', 'origin'], child);
  if (present.code === 0) {
    const same = present.output.trim() === repository.clone_url;
    return same ? [] : [`The remote origin is ${present.output.trim()} and stays so.`];
  }
  await git(['remote', 'add', 'origin', repository.clone_url], child);
  await git(['config', 'branch.main.remote', 'origin'], child);
  await git(['config', 'branch.main.merge', 'refs/heads/main'], child);
  return [];
}

async function run(child: Child): Promise<string[]> {
  const { api, token } = apiOf(child);
  await requireOwnRepository(child);
  const { repository, created } = await ensureRepository(api, child);
  const state = created ? 'empty' : await refuseOthersHistory(api, child, repository);
  if (state !== 'same') await push(child, repository, token);
  const notes = await remember(child, repository);
  const did = created ? 'created' : 'was there already';
  const open = repository.private === false ? ['It is public: everybody reads it.'] : [];
  return [`${repository.html_url} ${did}; ${state === 'same' ? 'it has this commit' : 'main is pushed'}.`, ...open, ...notes];
}

export const github: ServiceStep = {
  id: 'github',
  title: 'GitHub repository',
  plan: ({ answers, env }) => {
    const api = env['GITHUB_API_URL'] || 'https://api.github.com';
    const owner = answers.owner || "the token's account";
    return [
      `ask ${api} whether ${owner}/${answers.name} exists; create it (private) where it does not`,
      'stop where it has a history of its own, or where origin is another repository',
      'push main, and name it as the remote origin (the token is kept nowhere)',
    ];
  },
  run,
};
