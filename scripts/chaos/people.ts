import { setTimeout as sleep } from 'node:timers/promises';
import type { Octokit } from '@octokit/rest';
import { BanyanError } from '../../src/kernel/errors.ts';

/** Somebody at work on one issue, who goes by what GitHub shows and has GitHub to themselves: no fault lies on their way. */
export interface Person {
  readonly number: number;
  say(body: string): Promise<void>;
  label(name: string): Promise<void>;
  closeIssue(): Promise<void>;
  /** Adds a file to the branch of the open pull request. */
  push(path: string, content: string): Promise<void>;
  mergeWhenReady(): Promise<void>;
  closePullWhenReady(): Promise<void>;
  untilLabel(name: string): Promise<void>;
  untilComment(kind: string): Promise<void>;
  /** Until the head of the open pull request has a check of this name and conclusion, `null` while it is under way. */
  untilCheck(check: string): Promise<void>;
  /** Models that were held back for this person go on. */
  letGo(): void;
  /** Until the status comment says this. */
  untilStatus(text: string): Promise<void>;
}

export interface Place {
  owner: string;
  repo: string;
}

export interface People {
  octokit: Octokit;
  at: Place;
  /** Ends all waiting. */
  over: AbortSignal;
}

const LOOK_MS = 400;
const READY = 'a human may merge';

export interface SeenComment {
  id: number;
  body: string;
  isBot: boolean;
}

export async function commentsOf({ octokit, at }: Pick<People, 'octokit' | 'at'>, number: number): Promise<SeenComment[]> {
  const comments = await octokit.paginate(octokit.rest.issues.listComments, { ...at, issue_number: number, per_page: 100 });
  return comments.map(({ id, body, user }) => ({ id, body: body ?? '', isBot: user?.type === 'Bot' }));
}

async function labelsOf({ octokit, at }: Pick<People, 'octokit' | 'at'>, number: number): Promise<string[]> {
  const { data } = await octokit.rest.issues.get({ ...at, issue_number: number });
  return data.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? '')));
}

export function createPerson(people: People, number: number, letGo: () => void): Person {
  const { octokit, at, over } = people;
  const issue = { ...at, issue_number: number };

  async function until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
    while (!over.aborted) {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      await sleep(LOOK_MS);
    }
    throw new BanyanError('limit_reached', `issue #${number}: waited in vain for ${what}`);
  }

  const ours = async (kind: string) => (await commentsOf(people, number)).find((comment) => comment.isBot && comment.body.includes(`<!-- banyan:${kind}:`));
  const hasStatus = async (text: string) => (await ours('status'))?.body.includes(text) ?? false;

  /** The pull request that names this issue. */
  async function openPull() {
    const pulls = await octokit.paginate(octokit.rest.pulls.list, { ...at, state: 'open', per_page: 100 });
    return pulls.find((pull) => pull.head.ref.split('/')[1]?.startsWith(`${number}-`));
  }

  async function readyPull(): Promise<number> {
    await until(`"${READY}" in the status comment`, () => hasStatus(READY));
    const { number: ready } = await until('a pull request out of draft', async () => {
      const pull = await openPull();
      return pull?.draft === false && pull;
    });
    return ready;
  }

  async function hasCheck(check: string): Promise<boolean> {
    const pull = await openPull();
    if (!pull) return false;
    const { data } = await octokit.rest.checks.listForRef({ ...at, ref: pull.head.sha, per_page: 100 });
    return data.check_runs.some(({ name, conclusion }) => `${name} ${conclusion}` === check);
  }

  async function push(path: string, content: string): Promise<void> {
    const { head } = await until('a pull request', openPull);
    await octokit.rest.repos.createOrUpdateFileContents({
      ...at,
      branch: head.ref,
      path,
      message: `docs: add ${path}`,
      content: Buffer.from(content).toString('base64'),
    });
  }

  return {
    number,
    letGo,
    push,
    untilCheck: async (check) => void (await until(`the check ${check}`, () => hasCheck(check))),
    say: async (body) => void (await octokit.rest.issues.createComment({ ...issue, body })),
    label: async (name) => void (await octokit.rest.issues.addLabels({ ...issue, labels: [name] })),
    closeIssue: async () => void (await octokit.rest.issues.update({ ...issue, state: 'closed' })),
    mergeWhenReady: async () => void (await octokit.rest.pulls.merge({ ...at, pull_number: await readyPull() })),
    closePullWhenReady: async () => void (await octokit.rest.pulls.update({ ...at, pull_number: await readyPull(), state: 'closed' })),
    untilLabel: async (name) => void (await until(`the label ${name}`, async () => (await labelsOf(people, number)).includes(name))),
    untilComment: async (kind) => void (await until(`a comment of the kind "${kind}"`, () => ours(kind))),
    untilStatus: async (text) => void (await until(`"${text}" in the status comment`, () => hasStatus(text))),
  };
}
