import { Octokit } from '@octokit/rest';
import { BanyanError } from '../../src/kernel/errors.ts';
import { findRunningStack } from './running-stack.ts';
import { waitUntil } from './wait.ts';

const REPOSITORY = { owner: 'acme', repo: 'shop' };
const ISSUE = { title: 'Add discount codes to the cart', body: 'Customers should be able to use discount codes.' };
const ANSWER = [
  '1. Percentages only. `SAVE10` takes 10 % off and `SAVE20` takes 20 % off.',
  '2. One code per cart: a second one replaces the first.',
  '3. An unknown code is an error that names the code. Upper and lower case do not matter.',
].join('\n');

interface Play {
  octokit: Octokit;
  issue: number;
  /** What was said last of stages and labels, so that nothing is printed twice. */
  said: Set<string>;
}

/** Plays the maintainer over plain HTTP: whatever it does, a person could do with curl or in the browser. */
export async function demo(env: Record<string, string | undefined>): Promise<void> {
  const { urls } = await findRunningStack(env);
  const octokit = new Octokit({ baseUrl: urls.github, auth: 'maintainer-token', log: { debug() {}, info() {}, warn: console.warn, error() {} } });
  const play = await openIssue(octokit);
  await answerQuestions(play);
  const pull = await followToReady(play);
  await showVerdicts(play, pull);
  await mergeAndClose(play, pull);
}

function step(text: string, link?: string): void {
  console.log(`\n> ${text}${link === undefined ? '' : `\n  ${link}`}`);
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`.trimEnd())
    .join('\n');
}

/** Markdown as a person would see it: hidden markers are out. */
function visible(body: string | null | undefined): string {
  return (body ?? '').replaceAll(/<!--[\s\S]*?-->/g, '').trim();
}

async function openIssue(octokit: Octokit): Promise<Play> {
  step(`The maintainer opens a vague issue: "${ISSUE.title}"`);
  const { data } = await octokit.issues.create({ ...REPOSITORY, ...ISSUE });
  console.log(`  ${data.html_url}`);
  return { octokit, issue: data.number, said: new Set() };
}

interface Comment {
  body: string;
  link: string;
}

async function botComments({ octokit, issue }: Play): Promise<Comment[]> {
  const { data } = await octokit.issues.listComments({ ...REPOSITORY, issue_number: issue, per_page: 100 });
  return data.filter((comment) => comment.user?.type === 'Bot').map((comment) => ({ body: comment.body ?? '', link: comment.html_url }));
}

/** Prints the stage of the status comment and the labels when they have changed. */
async function followStage(play: Play): Promise<string[]> {
  const { data } = await play.octokit.issues.get({ ...REPOSITORY, issue_number: play.issue });
  const labels = data.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? '')));
  const status = (await botComments(play)).find((comment) => comment.body.includes('<!-- banyan:status:'));
  const title = /^### (.+)$/m.exec(status?.body ?? '')?.[1];
  const line = `${title ?? 'Banyan: not heard of yet'}  [${labels.join(', ')}]`;
  if (title !== undefined && !play.said.has(line)) console.log(`  ${new Date().toISOString().slice(11, 19)}  ${line}`);
  play.said.add(line);
  if (labels.includes('needs-human')) throw new BanyanError('internal', `Banyan asks for a person:\n${indent(visible(status?.body))}`);
  return labels;
}

async function answerQuestions(play: Play): Promise<void> {
  step('Banyan reads the issue and the code, and asks what is open');
  const questions = await waitUntil('the label needs-clarification and the questions', async () => {
    if (!(await followStage(play)).includes('needs-clarification')) return undefined;
    return (await botComments(play)).find((comment) => !comment.body.includes('<!-- banyan:status:') && /^\s*(?:\*\*)?1[.)]/m.test(visible(comment.body)));
  });
  console.log(indent(visible(questions.body)));
  step('The maintainer answers in a comment');
  console.log(indent(ANSWER));
  await play.octokit.issues.createComment({ ...REPOSITORY, issue_number: play.issue, body: ANSWER });
}

async function findPull({ octokit, issue }: Play): Promise<number | undefined> {
  const { data } = await octokit.pulls.list({ ...REPOSITORY, state: 'all', per_page: 100 });
  return data.find((pull) => new RegExp(`^(?:feature|bugfix)/${issue}-`).test(pull.head.ref))?.number;
}

async function followToReady(play: Play): Promise<number> {
  step('The same conversation goes on: Developer, QA, Reviewer');
  const number = await waitUntil('a pull request', async () => {
    await followStage(play);
    return findPull(play);
  });
  const { data: opened } = await play.octokit.pulls.get({ ...REPOSITORY, pull_number: number });
  step(`Pull request #${number}: ${opened.title}`, opened.html_url);
  console.log(indent(visible(opened.body)));
  step('Waiting until a human may merge (the pull request is no draft any more)');
  await waitUntil('the pull request to leave its draft', async () => {
    await followStage(play);
    const { data } = await play.octokit.pulls.get({ ...REPOSITORY, pull_number: number });
    return data.draft ? undefined : true;
  });
  return number;
}

async function showVerdicts({ octokit }: Play, number: number): Promise<void> {
  const { data: pull } = await octokit.pulls.get({ ...REPOSITORY, pull_number: number });
  const { data: checks } = await octokit.checks.listForRef({ ...REPOSITORY, ref: pull.head.sha });
  step(`Checks on ${pull.head.sha.slice(0, 7)}`, `${pull.html_url}/checks`);
  for (const run of checks.check_runs) {
    console.log(`  ${run.name}: ${run.conclusion ?? run.status}`);
    if (run.output.summary) console.log(indent(visible(run.output.summary)));
  }
  const { data: reviews } = await octokit.pulls.listReviews({ ...REPOSITORY, pull_number: number });
  for (const review of reviews) {
    step(`Review (${review.state}) by ${review.user?.login ?? 'somebody'}`, review.html_url);
    console.log(indent(visible(review.body)));
  }
}

async function mergeAndClose(play: Play, number: number): Promise<void> {
  const { octokit, issue } = play;
  step('The maintainer merges. Banyan never does');
  await octokit.pulls.merge({ ...REPOSITORY, pull_number: number, merge_method: 'squash' });
  await waitUntil('the issue to be closed with the label done', async () => {
    const labels = await followStage(play);
    const { data } = await octokit.issues.get({ ...REPOSITORY, issue_number: issue });
    return data.state === 'closed' && labels.includes('done') ? true : undefined;
  });
  const report = await waitUntil('the final report', async () => (await botComments(play)).find((comment) => comment.body.includes('Final report')));
  step('The final report', report.link);
  console.log(indent(visible(report.body)));
  const diff: unknown = (await octokit.pulls.get({ ...REPOSITORY, pull_number: number, mediaType: { format: 'diff' } })).data;
  step('The final diff');
  console.log(String(diff));
}
