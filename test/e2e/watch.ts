import { expect } from 'vitest';
import type { Watched } from '../../src/testing/repository.ts';
import { until } from './stack.ts';

export { newRepository } from '../../src/testing/repository.ts';
export type { Watched } from '../../src/testing/repository.ts';

export async function openIssue({ octokit, owner, repo }: Watched, issue: { title: string; body?: string; labels?: string[] }): Promise<number> {
  return (await octokit.rest.issues.create({ owner, repo, ...issue })).data.number;
}

export async function labelsOf({ octokit, owner, repo }: Watched, number: number): Promise<string[]> {
  const { data } = await octokit.rest.issues.get({ owner, repo, issue_number: number });
  return data.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? '')));
}

export async function commentsOf({ octokit, owner, repo }: Watched, number: number) {
  return octokit.paginate(octokit.rest.issues.listComments, { owner, repo, issue_number: number, per_page: 100 });
}

/** Banyan's comments of one kind, by their hidden marker. */
export async function marked(watched: Watched, number: number, kind: string): Promise<string[]> {
  return (await commentsOf(watched, number))
    .filter((comment) => comment.user?.type === 'Bot' && comment.body?.includes(`<!-- banyan:${kind}:`))
    .map((comment) => comment.body ?? '');
}

async function status(watched: Watched, number: number): Promise<string> {
  return (await marked(watched, number, 'status'))[0] ?? '';
}

export function untilStatus(watched: Watched, number: number, containing: string, seconds = 60): Promise<string> {
  return until(
    `"${containing}" in the status comment of #${number}`,
    async () => {
      const body = await status(watched, number);
      if (!containing.includes('person is needed') && body.includes('A person is needed')) throw new Error(`#${number} needs a person:\n${body}`);
      return body.includes(containing) && body;
    },
    seconds,
  );
}

export function untilLabel(watched: Watched, number: number, label: string, seconds = 60): Promise<boolean> {
  return until(`label ${label} on #${number}`, async () => (await labelsOf(watched, number)).includes(label), seconds);
}

export async function pullsOf({ octokit, owner, repo }: Watched) {
  return (await octokit.rest.pulls.list({ owner, repo, state: 'all', per_page: 100 })).data;
}

export async function checksOf({ octokit, owner, repo }: Watched, sha: string) {
  return (await octokit.rest.checks.listForRef({ owner, repo, ref: sha, filter: 'all', per_page: 100 })).data.check_runs;
}

export async function reviewsOf({ octokit, owner, repo }: Watched, number: number) {
  return (await octokit.rest.pulls.listReviews({ owner, repo, pull_number: number, per_page: 100 })).data;
}

export async function say({ octokit, owner, repo }: Watched, number: number, body: string): Promise<number> {
  return (await octokit.rest.issues.createComment({ owner, repo, issue_number: number, body })).data.id;
}

/** What must hold on every issue at every end: one status comment, no comment twice, one state label at most. */
export async function expectNothingTwice(watched: Watched, number: number): Promise<void> {
  expect(await marked(watched, number, 'status')).toHaveLength(1);
  const markers = (await commentsOf(watched, number)).flatMap((comment) => comment.body?.match(/<!-- banyan:[^>]*-->/g) ?? []);
  expect(markers.filter((found, index) => markers.indexOf(found) !== index)).toEqual([]);
  const branches = (await pullsOf(watched)).map((pull) => pull.head.ref);
  expect(new Set(branches).size).toBe(branches.length);
}
