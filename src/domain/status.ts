import { usd } from '../kernel/money.ts';
import { truncateMiddle } from '../kernel/text.ts';
import { humanDuration } from '../kernel/time.ts';
import { MAX_BUDGET_USD } from './commands.ts';
import type { RoleSpend, Run, Task, TicketSnapshot } from './model.ts';
import { quoteForCell, quoteForComment, quoteForItem, quoteForLine } from './quote.ts';
import { roleTitle } from './roles.ts';

/** Facts around a ticket that the status comment shows and the ledger does not hold. */
export interface StatusFacts {
  /** `https://github.com/acme/shop`, for links. */
  repositoryUrl: string;
  /** Names the models in use, or says that the scripted model speaks. */
  disclosure: string | null;
  now: Date;
}

/** Characters that parts of a status comment may have. GitHub takes 65,536 for the whole, its hidden marker included. */
const WHOLE = 64_000;
const LONG = 16_000;
const MEDIUM = 4_000;
const SHORT = 600;
/** Discoveries that it lists; all of them are in the database. */
const SHOWN = 20;

interface Stage {
  title: string;
  /** Who must act next. */
  next: string;
  /** What happens then. */
  then: string;
}

const STEPS = ['Clarify', 'Build', 'Prove', 'Review', 'Merge'] as const;

const BUSY_STEP: Record<string, number> = {
  analyzing: 0,
  needs_clarification: 0,
  awaiting_approval: 0,
  ready_for_dev: 1,
  in_progress: 1,
  in_qa: 2,
  in_review: 3,
};

const APPROVE_START: Stage = {
  title: 'Waiting for a maintainer',
  next: 'A maintainer: comment `/banyan plan` to let me analyse it, or add the label `ready-for-dev` to have it built as it stands.',
  then: 'I start. Until then nothing runs and nothing is spent.',
};

/** Somebody without write access had a part in the plan. */
const APPROVE_PLAN: Stage = {
  title: 'Waiting for a maintainer',
  next: 'A maintainer: read the plan below, then add the label `ready-for-dev` to have it built.',
  then: 'The Developer starts. Until then nothing runs and nothing more is spent.',
};

function waitingStage(snapshot: TicketSnapshot): Stage | null {
  const { ticket, code } = snapshot;
  const pull = code?.pr_number ? `#${code.pr_number}` : 'the pull request';
  const into = ticket.base_branch ? ` into \`${ticket.base_branch}\`, the branch of the update` : '';
  switch (ticket.waiting_for) {
    case 'answers':
      return {
        title: 'Waiting for answers',
        next: `@${ticket.waiting_on ?? ticket.author}: answer the numbered questions below in one comment, or several.`,
        then: 'I go on with the same conversation.',
      };
    case 'approval':
      return ticket.refined_description ? APPROVE_PLAN : APPROVE_START;
    case 'merge':
      return {
        title: 'Ready: a human may merge',
        next: `A maintainer: read ${pull} and merge it${into}, or close it.`,
        then: 'On merge I close this issue and post the final report. I never merge.',
      };
    default:
      return null;
  }
}

const END_STAGES: Record<string, Stage> = {
  done: { title: 'Done', next: 'Nobody.', then: 'Nothing more happens here.' },
  cancelled: { title: 'Stopped', next: 'Nobody.', then: 'A maintainer can comment `/banyan retry` to start again.' },
};

/** What helps depends on what failed: more money, the fix that the failure names, or a hint. */
function failedStage({ run, code, tasks }: TicketSnapshot): Stage {
  const title = 'A person is needed';
  if (run?.state === 'stopped_budget' && run.spent_usd < MAX_BUDGET_USD) {
    return {
      title,
      next: `A maintainer: comment \`/banyan budget AMOUNT\` (US dollars for the whole run, more than ${usd(run.spent_usd)}), or \`/banyan retry\` to begin anew with ${usd(run.budget_usd)} once more.`,
      then: 'With a higher budget I go on where I stopped.',
    };
  }
  const then = code ? 'On retry I go on from the branch as it is.' : 'On retry I begin anew: no branch holds anything yet.';
  if (tasks.findLast((task) => task.state === 'failed' || task.state === 'dead')?.error?.['fix']) {
    return { title, next: 'A maintainer: do what the note below asks for, then comment `/banyan retry`.', then };
  }
  const work = code?.pr_number ? 'pull request' : 'branch';
  const orElse = code ? `, or take over the ${work}` : '';
  const next = `A maintainer: read what was tried, then comment \`/banyan retry\` with a hint (\`/banyan retry use the existing helper\`)${orElse}.`;
  return { title, next, then };
}

const PAUSED: Stage = {
  title: 'Paused',
  next: 'A maintainer: comment `/banyan resume` to go on.',
  then: 'I go on where I was. Until then nothing more is spent.',
};

/** What an agent does once its turn has come: true of one that waits for its turn, and of one that began since the comment was written. */
const TURNS: Record<string, string> = {
  'product-owner': 'the Product Owner reads the issue and the code',
  developer: 'the Developer writes code and tests',
  qa: 'QA runs the suite on the pull request in a clean sandbox',
  reviewer: 'the Reviewer reads the change',
};

const BUSY_STAGES: Record<string, Stage> = {
  analyzing: {
    title: 'Clarifying',
    next: 'Banyan: the Product Owner is reading the issue and the code.',
    then: 'Questions if something is open, else the Developer starts.',
  },
  ready_for_dev: { title: 'Ready for development', next: 'Banyan: the Developer starts now.', then: 'A draft pull request.' },
  in_progress: { title: 'Building', next: 'Banyan: the Developer is writing code and tests.', then: 'A draft pull request, then QA.' },
  in_qa: {
    title: 'Proving',
    next: 'Banyan: QA runs the suite on the pull request in a clean sandbox.',
    then: 'Review if it holds, else back to the Developer.',
  },
  in_review: {
    title: 'Reviewing',
    next: 'Banyan: the Reviewer is reading the change.',
    then: 'A human may merge, or the Developer gets the requested changes.',
  },
  paused: PAUSED,
  blocked: { title: 'Blocked', next: 'A maintainer: see the reason below.', then: 'I go on once it is settled.' },
};

/** What is paused is the run; the ticket stays where it was. */
export function isPaused({ ticket, run }: Pick<TicketSnapshot, 'ticket' | 'run'>): boolean {
  return run?.state === 'paused' && ticket.state !== 'failed' && END_STAGES[ticket.state] === undefined;
}

/** Who is next where nobody is at work: held back by the organization's limits, or about to begin. */
function waitingForTurn({ tasks }: TicketSnapshot): string | null {
  const pending = tasks.find((task) => task.state === 'pending');
  if (!pending || tasks.some((task) => task.state === 'running')) return null;
  const turn = TURNS[pending.role] ?? `the ${pending.role} works`;
  return `Banyan: ${turn} when its turn comes (the organization's limits of agents at once and of hours a day decide).`;
}

function stageOf(snapshot: TicketSnapshot): Stage {
  const { state } = snapshot.ticket;
  if (isPaused(snapshot)) return PAUSED;
  if (state === 'failed') return failedStage(snapshot);
  const settled = END_STAGES[state] ?? waitingStage(snapshot);
  if (settled) return settled;
  const stage = BUSY_STAGES[state] ?? { title: state, next: 'Banyan.', then: '' };
  const turn = BUSY_STEP[state] === undefined ? null : waitingForTurn(snapshot);
  return turn ? { ...stage, next: turn } : stage;
}

function stepsLine(snapshot: TicketSnapshot): string {
  const { state, waiting_for: waitingFor } = snapshot.ticket;
  const done = state === 'done';
  const current = done ? STEPS.length : waitingFor === 'merge' ? 4 : (BUSY_STEP[state] ?? -1);
  if (current < 0) return '';
  return STEPS.map((step, index) => (index < current ? `~~${step}~~` : index === current ? `**${step}**` : step)).join(' &rarr; ');
}

/** What the ticket cost over all its runs: the sum of its table. */
function spentInAll(spend: RoleSpend[]): number {
  return spend.reduce((sum, row) => sum + row.cost_usd, 0);
}

function costLine(run: Run | null, spend: RoleSpend[]): string {
  if (!run) return '**Cost so far:** nothing.';
  const warned = run.warned_at ? ` Over ${usd(run.warn_at_usd)}: work stops at the budget.` : '';
  const all = usd(spentInAll(spend));
  const earlier = spend.length > 0 && all !== usd(run.spent_usd) ? ` in this run, ${all} in all` : '';
  return `**Cost so far:** ${usd(run.spent_usd)} of ${usd(run.budget_usd)}${earlier}.${warned}`;
}

function questionLines(snapshot: TicketSnapshot): string[] {
  const open = snapshot.questions.filter((question) => question.state === 'asked');
  if (open.length === 0) return [];
  return ['', `**Open questions:** ${open.map((question) => question.number).join(', ')} (in the comment below).`];
}

function planLines(snapshot: TicketSnapshot): string[] {
  const { ticket } = snapshot;
  if (!ticket.refined_description) return [];
  return [
    '',
    `<details${ticket.state === 'ready_for_dev' ? ' open' : ''}><summary>What ${ticket.state === 'done' ? 'was' : 'will be'} built (priority: ${ticket.priority})</summary>`,
    '',
    quoteForComment(truncateMiddle(ticket.refined_description, LONG)),
    '',
    ...(ticket.acceptance_criteria.length > 0 ? ['**Acceptance criteria**', ''] : []),
    ...ticket.acceptance_criteria.map((criterion) => `- [${ticket.state === 'done' ? 'x' : ' '}] ${quoteForItem(criterion)}`),
    '',
    '</details>',
  ];
}

function spendTable(spend: RoleSpend[]): string[] {
  const rows = spend.map(
    (row) =>
      `| ${roleTitle(row.role)} | ${row.models.map((model) => quoteForCell(model)).join(', ')} | ${row.model_calls} | ${row.tokens_in + row.tokens_out} | ${usd(row.cost_usd)} | ${humanDuration(row.duration_ms)} |`,
  );
  return rows.length > 0 ? ['| Agent | Model | Calls | Tokens | Cost | Working time |', '| --- | --- | ---: | ---: | ---: | ---: |', ...rows] : [];
}

function cycles(tasks: Task[], from: string): number {
  return tasks.filter((task) => task.phase === 'develop' && task.input['from'] === from).length;
}

function spendLines(snapshot: TicketSnapshot): string[] {
  if (snapshot.spend.length === 0) return [];
  const { run, ticket, tasks } = snapshot;
  const table = spendTable(snapshot.spend);
  if (ticket.state !== 'done') return ['', '<details><summary>Cost by agent</summary>', '', ...table, '', '</details>'];
  const took = run?.finished_at ? humanDuration(Date.parse(run.finished_at) - Date.parse(snapshot.first_run_at ?? run.started_at)) : 'unknown';
  const all = usd(spentInAll(snapshot.spend));
  const last = usd(run?.spent_usd ?? 0);
  return [
    '',
    '#### Final report',
    '',
    `From start to merge: ${took}. Fix cycles: ${cycles(tasks, 'qa')} after QA, ${cycles(tasks, 'review')} after review. Total: ${all}${all === last ? '' : ` in all, ${last} in this run`}.`,
    '',
    ...table,
  ];
}

function discoveryLines(snapshot: TicketSnapshot): string[] {
  if (snapshot.discoveries.length === 0) return [];
  return [
    '',
    '<details><summary>Found on the way</summary>',
    '',
    ...snapshot.discoveries
      .slice(0, SHOWN)
      .map(({ title, kind, description }) => `- **${quoteForLine(title)}** (${quoteForLine(kind)}): ${quoteForItem(truncateMiddle(description, SHORT))}`),
    ...(snapshot.discoveries.length > SHOWN ? [`- and ${snapshot.discoveries.length - SHOWN} more`] : []),
    '',
    '</details>',
  ];
}

/** The one status comment of an issue, without its hidden marker. Everything in it comes from the snapshot: rendering twice gives the same text. */
export function renderStatus(snapshot: TicketSnapshot, facts: StatusFacts): string {
  const { ticket, code, run } = snapshot;
  const stage = stageOf(snapshot);
  const pull = code?.pr_number ? `[#${code.pr_number}](${code.pr_url ?? `${facts.repositoryUrl}/pull/${code.pr_number}`})` : null;
  const branch = code && !pull ? `[\`${code.branch}\`](${facts.repositoryUrl}/tree/${code.branch})` : null;
  const lines = [
    `### Banyan: ${stage.title}`,
    '',
    stepsLine(snapshot),
    '',
    `**Next to act:** ${stage.next}`,
    ...(stage.then ? [`**Then:** ${stage.then}`] : []),
    ...(pull ? [`**Pull request:** ${pull}`] : []),
    ...(branch ? [`**Branch:** ${branch}`] : []),
    costLine(run, snapshot.spend),
    ...(ticket.note
      ? [
          '',
          '> [!NOTE]',
          ...quoteForComment(truncateMiddle(ticket.note, MEDIUM))
            .split('\n')
            .map((line) => `> ${line}`),
        ]
      : []),
    ...questionLines(snapshot),
    ...planLines(snapshot),
    ...discoveryLines(snapshot),
    ...spendLines(snapshot),
    ...(facts.disclosure ? ['', `<sub>${facts.disclosure}</sub>`] : []),
  ];
  return truncateMiddle(joinLines(lines), WHOLE);
}

/** GitHub shows single line breaks in comments as breaks; runs of blank lines become one. */
function joinLines(lines: string[]): string {
  return lines.join('\n').replaceAll(/\n{3,}/g, '\n\n');
}

/** The comment that carries one round of questions. */
export function renderQuestions(author: string, questions: { number: number; body: string; assumption: string | null }[], disclosure: string | null): string {
  const lines = [
    `@${author}, before I start I need to know:`,
    '',
    ...questions.map(
      (question) =>
        `${question.number}. ${quoteForItem(question.body)}${question.assumption ? ` _(Otherwise I assume: ${quoteForItem(question.assumption)})_` : ''}`,
    ),
    '',
    'Answer in a comment; short is fine ("1: yes, 2: percent").',
    ...(disclosure ? ['', `<sub>${disclosure}</sub>`] : []),
  ];
  return joinLines(lines);
}
