import type { Engine } from './engine.ts';
import type { Answer, ChatRequest } from './openai-answers.ts';
import { textOf } from './openai-answers.ts';
import type { SimplePlayerOptions } from './openai-players.ts';
import type { Watched } from './repository.ts';

export interface IssuePlay {
  /** Name of the repository, new below `acme/`. */
  repository: string;
  /** Its files at the beginning; a README where none are given. */
  files?: Record<string, string>;
  issue: { title: string; body?: string };
  /** What the roles answer: a script, or a function of each request. */
  roles: SimplePlayerOptions | ((request: ChatRequest) => Answer | Promise<Answer>);
  /** What the maintainer answers to each round of questions. */
  answers?: readonly string[];
}

export interface PlayedIssue {
  repository: Watched;
  number: number;
  labels: string[];
  /** The pull request that came of it, or null. */
  pull: { number: number; title: string; body: string; draft: boolean; branch: string; files: string[] } | null;
  /** The system prompt that the model was given, by role, as it was on the wire. */
  prompts: Record<string, string>;
}

async function labelsOf({ octokit, owner, repo }: Watched, number: number): Promise<string[]> {
  const { data } = await octokit.rest.issues.get({ owner, repo, issue_number: number });
  return data.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? '')));
}

async function pullOf({ octokit, owner, repo }: Watched): Promise<PlayedIssue['pull']> {
  const [pull] = (await octokit.rest.pulls.list({ owner, repo, state: 'all' })).data;
  if (!pull) return null;
  const files = await octokit.rest.pulls.listFiles({ owner, repo, pull_number: pull.number, per_page: 100 });
  const { number, title, head, draft = false } = pull;
  return { number, title, body: pull.body ?? '', draft, branch: head.ref, files: files.data.map(({ filename }) => filename) };
}

function promptsOf(requests: readonly ChatRequest[]): Record<string, string> {
  const first = requests.toReversed().map(({ agent, messages }): [string, string] => [agent, messages[0] ? textOf(messages[0]) : '']);
  return Object.fromEntries(first);
}

/** What a player could not answer is a fault of the test, which no issue gets over. */
function refuseUnplayed(errors: readonly unknown[]): void {
  const [first] = errors;
  if (first !== undefined) throw first instanceof Error ? first : new Error('A player threw what is no error.', { cause: first });
}

/**
 * One issue from its opening to where people merge it, or where Banyan needs one: over the wire in both directions, with time that does not pass.
 * @throws what `roles` threw, or that a role has no answer
 */
export async function playIssue(engine: Engine, { repository: name, files = {}, issue, roles, answers = [] }: IssuePlay): Promise<PlayedIssue> {
  engine.cast.in(name, roles);
  const [asked, failed] = [engine.models.requests.length, engine.models.errors.length];
  const settle = async () => {
    await engine.settle(worker);
    refuseUnplayed(engine.models.errors.slice(failed));
  };
  const repository = await engine.repository(name, files);
  const { octokit, owner, repo } = repository;
  const { data } = await octokit.rest.issues.create({ owner, repo, ...issue });
  const worker = engine.process();
  await settle();
  for (const body of answers) {
    if (!(await labelsOf(repository, data.number)).includes('needs-clarification')) break;
    await octokit.rest.issues.createComment({ owner, repo, issue_number: data.number, body });
    await settle();
  }
  const prompts = promptsOf(engine.models.requests.slice(asked));
  return { repository, number: data.number, labels: await labelsOf(repository, data.number), pull: await pullOf(repository), prompts };
}
