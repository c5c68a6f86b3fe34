import { repositoryOverview } from '../context/overview.ts';
import { parseCommand } from '../domain/commands.ts';
import { mayStartWork } from '../domain/permission.ts';
import type { TicketSnapshot } from '../domain/model.ts';
import type { TaskSession } from '../engine/session.ts';
import { redactSecrets } from '../kernel/redact.ts';
import { untrustedBlock, untrustedCode } from '../kernel/text.ts';

/** Characters of the issue's text that a prompt carries. */
const ISSUE_CHARS = 30_000;

/** The issue as it stood when the work was triggered, marked as a stranger's text. */
export function issueSection(session: TaskSession): string {
  const { ticket } = session;
  const text = `Title: ${ticket.title}\n\n${ticket.body.slice(0, ISSUE_CHARS) || '(no description)'}`;
  return `## Issue #${ticket.number}, opened by ${ticket.author}\n\n${untrustedBlock(`issue #${ticket.number}`, text)}`;
}

/** What the Product Owner made of it; falls back to the issue alone where the Developer was started by hand. */
export function planSection(snapshot: TicketSnapshot): string {
  const { ticket } = snapshot;
  if (!ticket.refined_description) return '## What to build\n\nNobody refined this issue: build what it asks for, as its text stands.';
  const criteria = ticket.acceptance_criteria.map((criterion, index) => `${index + 1}. ${criterion}`).join('\n');
  const plan = criteria ? `${ticket.refined_description}\n\nAcceptance criteria:\n${criteria}` : ticket.refined_description;
  return `## What to build (priority ${ticket.priority})\n\n${untrustedBlock('refined description', plan)}`;
}

/** Why a plan is made once more: a diagnosis of the work on the plan before. */
export function planAgainSection({ task, ticket }: TaskSession): string {
  const { from, action, seen, hypothesis } = task.input;
  if (from !== 'diagnosis') return '';
  const wish =
    action === 'split'
      ? 'Plan the smallest part that is of use alone, and no more; record each other part as a discovery.'
      : 'Plan it so that this does not happen again: another way, a smaller scope, or a question to people.';
  const before = ticket.refined_description ? `\n\nThe plan before:\n\n${untrustedBlock('earlier plan', ticket.refined_description)}` : '';
  const why = untrustedBlock('diagnosis', [seen, hypothesis].filter((text) => typeof text === 'string').join('\n\n'));
  return `## Why this is planned again\n\nThe work on the plan before did not get on.\n\n${why}${before}\n\n${wish}`;
}

/** Questions that people answered, so that later roles know what was settled. */
export function answersSection(snapshot: TicketSnapshot): string {
  const answered = snapshot.questions.filter((question) => question.state === 'answered' && question.answer);
  if (answered.length === 0) return '';
  const asked = answered.map((question) => `${question.number}. ${question.body}`).join('\n');
  const answers = [...new Set(answered.map((question) => `${question.answered_by ?? 'somebody'}: ${question.answer ?? ''}`))].join('\n\n');
  return `## Questions and answers\n\n${untrustedBlock('questions and answers', `${asked}\n\n${answers}`)}`;
}

/** Comments that a prompt carries: the newest ones, each and together bounded. */
const THREAD_COMMENTS = 30;
const COMMENT_CHARS = 4_000;
const THREAD_CHARS = 30_000;

/**
 * What people said on the issue, as it reads when the task starts: edited answers in their last form, deleted ones gone.
 * Only of those who may start work, asked of GitHub now, and of `others`. What comes as the conversation's input is not
 * said twice, and commands are not for a model.
 */
export async function threadSection(session: TaskSession, others: readonly string[] = []): Promise<string> {
  const { issues } = session.repository;
  const [thread, unheard] = await Promise.all([issues.thread(session.ticket.number), session.unheard()]);
  const said = thread.filter(({ id, bot, body }) => !bot && !parseCommand(body) && !unheard.includes(`comment:${id}`)).slice(-THREAD_COMMENTS);
  const authors = [...new Set(said.map(({ author }) => author))];
  const heard = await Promise.all(authors.map(async (login) => others.includes(login) || mayStartWork(await issues.permission(login))));
  const lines = said.filter(({ author }) => heard[authors.indexOf(author)]).map(({ author, body }) => `${author}: ${body.slice(0, COMMENT_CHARS)}`);
  return lines.length === 0 ? '' : `## Said on the issue\n\n${untrustedBlock('comments on the issue', lines.join('\n\n').slice(-THREAD_CHARS))}`;
}

/** What the Developer said of the change, its answer to findings included. */
export function developerSection(snapshot: TicketSnapshot): string {
  const summary = snapshot.tasks.findLast((task) => task.phase === 'develop' && task.state === 'completed')?.output?.['summary'];
  return typeof summary === 'string' ? `## What the Developer says\n\n${untrustedBlock('summary of the Developer', summary)}` : '';
}

export async function overviewSection(session: TaskSession): Promise<string> {
  return `## The repository at ${session.state.revision.slice(0, 7)}\n\n${untrustedCode('repository overview', repositoryOverview(await session.tree()))}`;
}

export function joinSections(...sections: string[]): string {
  return sections.filter(Boolean).join('\n\n');
}

/** Text that leaves for GitHub: without secrets, and with the disclosure that every comment carries. */
export function outgoing(session: TaskSession, text: string): string {
  return redactSecrets(session.disclosure ? `${text}\n\n<sub>${session.disclosure}</sub>` : text);
}

/** A code block that its content cannot close. */
export function codeBlock(content: string, language = ''): string {
  const longest = Math.max(2, ...[...content.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${content.trimEnd()}\n${fence}`;
}
