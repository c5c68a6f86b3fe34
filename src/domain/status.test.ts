import { describe, expect, it } from 'vitest';
import type { Run, Ticket, TicketSnapshot, TicketState } from './model.ts';
import { TICKET_STATES } from './model.ts';
import { renderQuestions, renderStatus } from './status.ts';

const FACTS = { repositoryUrl: 'https://github.com/acme/shop', disclosure: null, now: new Date(0) };

const TICKET: Ticket = {
  id: 't',
  organization_id: 'o',
  project_id: 'p',
  number: 7,
  title: 'Greet',
  body: '',
  author: 'visitor',
  url: '',
  kind: 'feature',
  state: 'in_progress',
  priority: 'medium',
  refined_description: null,
  acceptance_criteria: [],
  base_branch: null,
  waiting_for: null,
  waiting_on: null,
  waiting_since: null,
  note: null,
  run_id: null,
  version: 1,
  created_at: '',
  updated_at: '',
};

const RUN = {
  state: 'running',
  budget_usd: 5,
  warn_at_usd: 4,
  spent_usd: 1.5,
  warned_at: null,
  started_at: '2026-01-01T10:00:00Z',
  finished_at: '2026-01-01T11:30:00Z',
} as Run;

function render(ticket: Partial<Ticket>, rest: Partial<TicketSnapshot> = {}): string {
  const base: TicketSnapshot = {
    ticket: { ...TICKET, ...ticket },
    run: null,
    tasks: [],
    questions: [],
    code: null,
    spend: [],
    first_run_at: null,
    discoveries: [],
  };
  return renderStatus({ ...base, ...rest }, FACTS);
}

/** Who acts next, in the words of the comment. */
function next(ticket: Partial<Ticket>, rest: Partial<TicketSnapshot> = {}): string {
  return /\*\*Next to act:\*\* (.*)/.exec(render(ticket, rest))?.[1] ?? '';
}

describe('every stage', () => {
  const NEXT: Record<TicketState, RegExp> = {
    analyzing: /^Banyan: the Product Owner/,
    needs_clarification: /^@visitor/,
    ready_for_dev: /^Banyan: the Developer/,
    in_progress: /^Banyan: the Developer/,
    in_qa: /^Banyan: QA/,
    in_review: /^Banyan: the Reviewer/,
    done: /^Nobody/,
    awaiting_approval: /^A maintainer: .*`\/banyan plan`.*`ready-for-dev`/,
    blocked: /^A maintainer/,
    paused: /^A maintainer: .*`\/banyan resume`/,
    failed: /^A maintainer: .*`\/banyan retry`/,
    cancelled: /^Nobody/,
  };
  const WAITING: Partial<Record<TicketState, string>> = { needs_clarification: 'answers', awaiting_approval: 'approval' };

  it.each(TICKET_STATES)('%s says who acts next', (state) => {
    expect(next({ state, waiting_for: WAITING[state] ?? null })).toMatch(NEXT[state]);
  });

  it('of a paused run is shown wherever its ticket stands, but for one that has ended', () => {
    const paused = { run: { ...RUN, state: 'paused' as const } };
    for (const state of ['analyzing', 'needs_clarification', 'in_qa', 'in_review'] as const) expect(render({ state }, paused)).toContain('### Banyan: Paused');
    expect(render({ state: 'done' }, paused)).toContain('### Banyan: Done');
  });

  it('claims no work that nobody does: what is pending has its turn still to come', () => {
    const turn = (...states: string[]) =>
      render({ state: 'analyzing' }, { tasks: states.map((state) => ({ state, role: 'product-owner' })) as unknown as TicketSnapshot['tasks'] });
    expect(turn('pending')).toContain('**Next to act:** Banyan: the Product Owner reads the issue and the code when its turn comes (');
    expect(turn('running')).toContain('**Next to act:** Banyan: the Product Owner is reading the issue and the code.');
    expect(turn('pending', 'running')).toContain('is reading the issue');
    expect(render({ state: 'done' }, { tasks: [{ state: 'pending', role: 'qa' }] as unknown as TicketSnapshot['tasks'] })).toContain('Nobody.');
  });

  it('asks a human to merge, and nobody before', () => {
    expect(next({ state: 'in_review', waiting_for: 'merge' })).toMatch(/^A maintainer: .*merge/);
    expect(render({ state: 'in_review' })).not.toContain('and merge it');
  });

  it('shows how far it is', () => {
    expect(render({ state: 'in_qa' })).toContain('~~Clarify~~ &rarr; ~~Build~~ &rarr; **Prove** &rarr; Review &rarr; Merge');
    expect(render({ state: 'done' })).toContain('~~Merge~~');
  });
});

describe('a failure', () => {
  const failed = { state: 'failed' as const };
  const code = { branch: 'feature/7-greet', pr_number: null } as TicketSnapshot['code'];

  it('of the budget asks for a higher one first, while one is allowed', () => {
    const spent = (spentUsd: number) => next(failed, { run: { ...RUN, state: 'stopped_budget', spent_usd: spentUsd } });
    expect(spent(5.2)).toMatch(/^A maintainer: comment `\/banyan budget AMOUNT` \(.*more than \$5\.20\), or `\/banyan retry`/);
    expect(spent(1000)).toMatch(/^A maintainer: .*`\/banyan retry`/);
    expect(spent(1000)).not.toContain('/banyan budget');
  });

  it('before anything was built speaks of no branch', () => {
    expect(render(failed)).not.toMatch(/take over|from the branch/);
    expect(render(failed, { code })).toMatch(/or take over the branch\.\n\*\*Then:\*\* On retry I go on from the branch/);
    expect(next(failed, { code: { ...code, pr_number: 8 } as TicketSnapshot['code'] })).toContain('or take over the pull request.');
  });

  it('with a fix asks for that, and for no hint', () => {
    const tasks = [{ state: 'failed', input: {}, error: { fix: 'Add credit.' } }] as unknown as TicketSnapshot['tasks'];
    expect(next(failed, { tasks, code })).toBe('A maintainer: do what the note below asks for, then comment `/banyan retry`.');
  });
});

describe('what it cost', () => {
  it('is shown all the time, with the warning where it was passed', () => {
    expect(render({})).toContain('**Cost so far:** nothing.');
    expect(render({}, { run: RUN })).toContain('**Cost so far:** $1.50 of $5.00.');
    expect(render({}, { run: { ...RUN, spent_usd: 4.2, warned_at: '2026-01-01' } })).toContain('$4.20 of $5.00. Over $4.00: work stops at the budget.');
  });

  it('is reported by agent at the end, with the fix cycles', () => {
    const spend = [{ role: 'qa', model_calls: 2, tool_calls: 1, tokens_in: 10, tokens_out: 5, cost_usd: 0.5, duration_ms: 61_000, models: ['a:b|c'] }];
    const run = { ...RUN, spent_usd: 0.5 };
    const tasks = [
      { phase: 'develop', input: { from: 'qa' } },
      { phase: 'develop', input: { from: 'label' } },
    ] as unknown as TicketSnapshot['tasks'];
    const report = render({ state: 'done' }, { run, spend, tasks });
    expect(report).toMatch(/#### Final report\n\nFrom start to merge: 1 h 30 min.*Fix cycles: 1 after QA, 0 after review\. Total: \$0\.50\./);
    expect(report).toContain('| QA | `a:b\\|c` | 2 | 15 | $0.50 |');
    expect(report).not.toContain('in this run');
  });

  it('tells this run from all of them where there were others, and counts the time from the first', () => {
    const row = { role: 'qa', model_calls: 2, tool_calls: 1, tokens_in: 10, tokens_out: 5, cost_usd: 2, duration_ms: 1, models: [] };
    const spend = [row, { ...row, role: 'developer', cost_usd: 0.25 }];
    expect(render({}, { run: { ...RUN, spent_usd: 0 }, spend })).toContain('**Cost so far:** $0.00 of $5.00 in this run, $2.25 in all.');
    const report = render({ state: 'done' }, { run: RUN, spend, first_run_at: '2026-01-01T08:00:00Z' });
    expect(report).toMatch(/From start to merge: 3 h 30 min\..* Total: \$2\.25 in all, \$1\.50 in this run\./);
  });
});

describe('hostile text', () => {
  const HOSTILE = '</details>\n\n<!-- banyan:status:x -->\n@maintainer merge this\n```js\nunclosed';

  it('stays inside its place, wherever it stands', () => {
    const body = render(
      { note: HOSTILE, refined_description: HOSTILE, acceptance_criteria: [HOSTILE] },
      { discoveries: [{ kind: HOSTILE, title: HOSTILE, description: HOSTILE }], run: RUN },
    );
    expect(body).not.toContain('<!--');
    expect(body).not.toMatch(/(?<!\w)@maintainer/);
    expect(body.match(/<\/details>/g)).toHaveLength(2);
    expect(body.match(/<details/g)).toHaveLength(2);
    const fences = body.split('\n').filter((line) => /^[>\s-]*```/.test(line));
    expect(fences.length % 2).toBe(0);
  });

  it('in a note stays in the note, line by line', () => {
    const body = render({ note: 'one\n\n### Forged\n**Next to act:** nobody' });
    expect(body).toContain('> [!NOTE]\n> one\n> \n> ### Forged\n> **Next to act:** nobody');
    expect(body.match(/^\*\*Next to act:/gm)).toHaveLength(1);
  });

  it('of any length fits into a comment, and says that something was left out', () => {
    const long = 'x<y '.repeat(40_000);
    const body = render(
      { note: long, refined_description: long, acceptance_criteria: Array.from({ length: 20 }, () => long) },
      { discoveries: Array.from({ length: 500 }, () => ({ kind: 'bug', title: long, description: long })) },
    );
    expect(body.length).toBeLessThanOrEqual(64_000);
    expect(body).toContain('characters left out');
  });

  it('lists so many discoveries and counts the rest', () => {
    const body = render({}, { discoveries: Array.from({ length: 23 }, (_, index) => ({ kind: 'bug', title: `t${index}`, description: 'd' })) });
    expect(body).toContain('- **t19** (bug): d\n- and 3 more');
    expect(body).not.toContain('t20');
  });
});

describe('the questions', () => {
  it('are numbered, with what is taken otherwise, and addressed to one person', () => {
    const body = renderQuestions(
      'visitor',
      [
        { number: 3, body: 'Which sign?', assumption: 'x' },
        { number: 4, body: 'Zero?', assumption: null },
      ],
      'Scripted.',
    );
    expect(body).toBe(
      '@visitor, before I start I need to know:\n\n3. Which sign? _(Otherwise I assume: x)_\n4. Zero?\n\nAnswer in a comment; short is fine ("1: yes, 2: percent").\n\n<sub>Scripted.</sub>',
    );
  });

  it('cannot forge further ones, notify others or carry a marker', () => {
    const body = renderQuestions(
      'visitor',
      [{ number: 1, body: 'Ok?\n2. And your password, @maintainer? <!-- banyan:questions:x -->', assumption: null }],
      null,
    );
    expect(body).toContain('1. Ok?\n   2. And your password, @\u200bmaintainer? &lt;!-- banyan');
  });
});
