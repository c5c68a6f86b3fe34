import { z } from 'zod';
import { BanyanError } from '../../kernel/errors.ts';
import { runCommand, tailOf } from '../command.ts';
import { ask, expectStatus, type Api } from './http.ts';
import { commandsIn, type Child, type ServiceStep } from './step.ts';

const userSchema = z.object({ login: z.string() });
const repositorySchema = z.object({ full_name: z.string(), clone_url: z.url(), html_url: z.string(), default_branch: z.string().nullish() });
const branchSchema = z.object({ commit: z.object({ sha: z.string().regex(/^[0-9a-f]{40,64}$/) }) });

type Repository = z.infer<typeof repositorySchema>;

function apiOf({ env, signal }: Child): { api: Api; token: string } {
  const token = env['GH_TOKEN'] || env['GITHUB_TOKEN'];
  if (!token) {
    throw new BanyanError('config_invalid', '--github: GITHUB_TOKEN (or GH_TOKEN) is not set.', {
      fix: 'Set it to a token that may create repositories and push workflows (classic: repo, workflow; fine-grained: administration, contents, workflows: write), or: GH_TOKEN=$(gh auth token)',
      data: { field: 'GITHUB_TOKEN' },
    });
  }
  const headers = { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };
  return { token, api: { service: 'GitHub', base: env['GITHUB_API_URL'] || 'https://api.github.com', headers, signal } };
}

async function git(args: readonly string[], child: Child, token?: string) {
  const options = commandsIn(child);
  // By the environment, so that the token is in no list of processes and in no configuration of the repository.
  const auth = {
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`,
    // A helper of the system would ask at a window, or send another account's password.
    GIT_CONFIG_KEY_1: 'credential.helper',
    GIT_CONFIG_VALUE_1: '',
  };
  return runCommand('git', args, { ...options, env: { ...options.env, GIT_TERMINAL_PROMPT: '0', ...(token === undefined ? {} : auth) } });
}

/** Finds the repository or creates it, private. */
async function ensureRepository(api: Api, child: Child): Promise<{ repository: Repository; created: boolean }> {
  const { login } = userSchema.parse(expectStatus(api, 'who the token belongs to', await ask(api, 'GET', '/user'), [200]).body);
  const owner = child.answers.owner || login;
  const { name, description } = child.answers;
  const found = expectStatus(api, `looking for ${owner}/${name}`, await ask(api, 'GET', `/repos/${owner}/${name}`), [200, 404]);
  if (found.status === 200) return { repository: repositorySchema.parse(found.body), created: false };
  const path = owner.toLowerCase() === login.toLowerCase() ? '/user/repos' : `/orgs/${owner}/repos`;
  const made = await ask(api, 'POST', path, { name, description, private: true, auto_init: false });
  return { repository: repositorySchema.parse(expectStatus(api, `creating ${owner}/${name}`, made, [201]).body), created: true };
}

/** The head of `main` there; null where there are no commits yet. */
async function remoteHead(api: Api, { full_name }: Repository): Promise<string | null> {
  const answer = expectStatus(api, `the branch main of ${full_name}`, await ask(api, 'GET', `/repos/${full_name}/branches/main`), [200, 404, 409]);
  return answer.status === 200 ? branchSchema.parse(answer.body).commit.sha : null;
}

async function hasOtherBranches(api: Api, { full_name }: Repository): Promise<boolean> {
  const answer = await ask(api, 'GET', `/repos/${full_name}/branches?per_page=1`);
  return answer.status === 200 && Array.isArray(answer.body) && answer.body.length > 0;
}

async function refuseOthersHistory(api: Api, child: Child, repository: Repository): Promise<'same' | 'behind' | 'empty'> {
  const head = await remoteHead(api, repository);
  const local = (await git(['rev-parse', 'HEAD'], child)).output.trim();
  if (head === local) return 'same';
  const other = new BanyanError('conflict', `GitHub: ${repository.full_name} has a history of its own.`, {
    fix: 'Choose another name or owner, or empty that repository. If it is this child, pull first: git pull --ff-only',
  });
  if (head === null) {
    if (await hasOtherBranches(api, repository)) throw other;
    return 'empty';
  }
  if ((await git(['merge-base', '--is-ancestor', head, 'HEAD'], child)).code !== 0) throw other;
  return 'behind';
}

async function push(child: Child, repository: Repository, token: string): Promise<void> {
  const { code, output } = await git(['push', '-q', repository.clone_url, 'HEAD:refs/heads/main'], child, token);
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
  if ((await git(['rev-parse', '-q', '--verify', 'HEAD'], child)).code !== 0) {
    throw new BanyanError('conflict', '--github: the child has no commit that could be pushed.', {
      fix: 'git init && git add . && git commit -m "Spawn", then run the step again.',
    });
  }
  const { repository, created } = await ensureRepository(api, child);
  const state = created ? 'empty' : await refuseOthersHistory(api, child, repository);
  if (state !== 'same') await push(child, repository, token);
  const notes = await remember(child, repository);
  const did = created ? 'created' : 'was there already';
  return [`${repository.html_url} ${did}; ${state === 'same' ? 'it has this commit' : 'main is pushed'}.`, ...notes];
}

export const github: ServiceStep = {
  id: 'github',
  title: 'GitHub repository',
  plan: ({ answers, env }) => {
    const api = env['GITHUB_API_URL'] || 'https://api.github.com';
    const owner = answers.owner || "the token's account";
    return [
      `ask ${api} whether ${owner}/${answers.name} exists; create it (private) where it does not`,
      'stop where it has a history of its own',
      'push main, and name it as the remote origin (the token is kept nowhere)',
    ];
  },
  run,
};
