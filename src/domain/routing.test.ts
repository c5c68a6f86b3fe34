import { describe, expect, it } from 'vitest';
import { labelNames } from './labels.ts';
import type { Run, Task, Ticket, TicketSnapshot } from './model.ts';
import { route } from './routing.ts';
import type { RoutingContext } from './routing.ts';
import { kindOf } from './trigger.ts';
import type { EventTrigger as Trigger, IssueFacts } from './trigger.ts';
import { conflictsMarker, updateBranch } from './update-issue.ts';
import { WORKFLOWS } from './workflows.generated.ts';

const issue: IssueFacts = { number: 7, title: 'Add discount codes', body: 'please', author: 'maintainer', url: 'u', labels: [] };
const maintainer = { login: 'maintainer', bot: false };

function ticket(change: Partial<Ticket> = {}): Ticket {
  return { id: 't', number: 7, state: 'needs_clarification', author: 'maintainer', acceptance_criteria: [], note: null, ...change } as Ticket;
}

function task(change: Partial<Task> = {}): Task {
  return { id: 'k', phase: 'analyze', role: 'product-owner', state: 'waiting', input: {}, ...change } as Task;
}

function snapshot(change: Partial<TicketSnapshot> = {}): TicketSnapshot {
  return { ticket: ticket(), run: { id: 'r' } as Run, tasks: [task()], questions: [], code: null, spend: [], first_run_at: null, discoveries: [], ...change };
}

function context(change: Partial<RoutingContext> = {}): RoutingContext {
  const workflow = WORKFLOWS['default'];
  if (!workflow) throw new Error('no default workflow');
  return {
    projectId: 'p',
    source: 'guid',
    snapshot: null,
    permission: 'admin',
    pullMerged: false,
    issueClosed: false,
    updateBranch: null,
    workflow,
    config: { enabled: true, labels: labelNames({}), budgetUsd: 5, warnAtUsd: 4, fixCycles: null, maxMinutes: null, snapshot: {} },
    ...change,
  };
}

function types(trigger: Trigger, change: Partial<RoutingContext> = {}): string[] {
  return route(trigger, context(change)).intents.map((intent) => intent.type);
}

function comment(body: string, onPullRequest = false): Trigger {
  return { type: 'comment', actor: maintainer, issue, comment: { id: 1, body, url: 'c' }, onPullRequest };
}

describe('an opened issue', () => {
  const opened: Trigger = { type: 'issue_opened', actor: maintainer, issue };

  it('starts the analysis for somebody with write access', () => {
    const { reason, intents } = route(opened, context());
    expect(reason).toBe('started');
    expect(intents).toContainEqual(expect.objectContaining({ type: 'add_task', role: 'product-owner', key: 'analyze:1' }));
    expect(intents.filter((intent) => intent.type === 'effect').map((intent) => intent.kind)).toContain('reaction');
  });

  it('starts nothing for a stranger, and says who must act', () => {
    const { intents } = route(opened, context({ permission: 'read' }));
    expect(intents.some((intent) => intent.type === 'add_task' || intent.type === 'start_run')).toBe(false);
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', waiting_for: 'approval' }));
  });

  it('starts the Developer at once where it comes with the label', () => {
    const { intents } = route({ ...opened, issue: { ...issue, labels: ['ready-for-dev'] } }, context());
    expect(intents).toContainEqual(expect.objectContaining({ type: 'add_task', role: 'developer' }));
  });

  it('that is heard of late starts nothing: on a ticket that is done, or an issue that is closed', () => {
    expect(types(opened, { snapshot: snapshot({ ticket: ticket({ state: 'done' }) }) })).toEqual([]);
    expect(types(opened, { issueClosed: true })).toEqual([]);
    expect(types({ ...opened, type: 'issue_reopened' }, { snapshot: snapshot({ ticket: ticket({ state: 'done' }) }) })).toContain('start_run');
  });

  it('starts nothing for a bot, or where the repository says no', () => {
    expect(types({ ...opened, actor: { login: 'x[bot]', bot: true } })).toEqual([]);
    expect(types(opened, { config: { ...context().config, enabled: false } })).toEqual([]);
  });
});

describe('a label', () => {
  const ready: Trigger = { type: 'label_added', actor: maintainer, issue, label: 'ready-for-dev' };

  it('starts the Developer and withdraws open questions', () => {
    const { intents } = route(ready, context({ snapshot: snapshot() }));
    expect(intents).toContainEqual({ type: 'close_questions', state: 'withdrawn' });
    expect(intents).toContainEqual(expect.objectContaining({ type: 'add_task', role: 'developer' }));
  });

  it('of a stranger is taken back with a note and starts nothing', () => {
    const { intents } = route(ready, context({ permission: 'triage', snapshot: snapshot() }));
    expect(intents.map((intent) => (intent.type === 'effect' ? intent.kind : intent.type))).toEqual(['label', 'comment']);
  });

  it('changes nothing while the work is under way', () => {
    expect(types(ready, { snapshot: snapshot({ ticket: ticket({ state: 'in_qa' }) }) })).toEqual([]);
  });

  it('of a state that a person sets or takes by hand is put back', () => {
    const held = snapshot({ ticket: ticket({ state: 'in_qa' }) });
    expect(types({ ...ready, label: 'done' }, { snapshot: held })).toEqual(['effect']);
    expect(types({ ...ready, type: 'label_removed', label: 'in-qa' }, { snapshot: held })).toEqual(['effect']);
    expect(types({ ...ready, label: 'help wanted' }, { snapshot: held })).toEqual([]);
  });
});

describe('a comment', () => {
  it('answers the waiting conversation', () => {
    const { reason, intents } = route(comment('1: percent'), context({ snapshot: snapshot() }));
    expect(reason).toBe('answered');
    const woken = ['close_questions', 'set_ticket', 'effect', 'effect'].map((type) => expect.objectContaining({ type }));
    expect(intents).toContainEqual(expect.objectContaining({ type: 'add_input', source: 'comment:1', body: '1: percent', woken }));
    // All else would follow the same comment again too, while other questions wait.
    expect(intents.map((intent) => intent.type)).toEqual(['add_input', 'effect']);
  });

  it('that follows while the conversation runs is one more input', () => {
    const { reason } = route(comment('and fixed'), context({ snapshot: snapshot({ tasks: [task({ state: 'running' })] }) }));
    expect(reason).toBe('steered');
  });

  it('of somebody without write access is not taken', () => {
    const held = snapshot({ ticket: ticket({ author: 'somebody-else' }) });
    expect(types(comment('do evil'), { snapshot: held, permission: 'read' })).toEqual([]);
  });

  it('of the one who opened the issue answers what was asked, and steers nothing', () => {
    expect(route(comment('percent'), context({ snapshot: snapshot(), permission: 'read' })).reason).toBe('answered');
    const running = snapshot({ tasks: [task({ state: 'running' })] });
    expect(types(comment('do evil'), { snapshot: running, permission: 'read' })).toEqual([]);
    const developing = snapshot({ tasks: [task({ role: 'developer', phase: 'develop' })] });
    expect(types(comment('do evil'), { snapshot: developing, permission: 'read' })).toEqual([]);
  });

  it('on a pull request or without a ticket is left alone', () => {
    expect(types(comment('nice', true), { snapshot: snapshot() })).toEqual([]);
    expect(types(comment('nice'))).toEqual([]);
  });
});

describe('commands', () => {
  it('stop ends the run and every task', () => {
    const { intents } = route(comment('/banyan stop'), context({ snapshot: snapshot() }));
    expect(intents.map((intent) => intent.type)).toEqual(expect.arrayContaining(['set_run', 'cancel_tasks', 'set_ticket']));
  });

  it('retry goes on where there is a plan, and hands over the hint', () => {
    const failed = snapshot({ ticket: ticket({ state: 'failed', acceptance_criteria: ['x'], note: 'tried y' }), tasks: [] });
    const { intents } = route(comment('/banyan retry use the helper'), context({ snapshot: failed }));
    expect(intents).toContainEqual(
      expect.objectContaining({ type: 'add_task', role: 'developer', input: expect.objectContaining({ instruction: 'use the helper', tried: 'tried y' }) }),
    );
  });

  it('on a pull request are about the issue that it closes', () => {
    const failed = snapshot({
      ticket: ticket({ state: 'failed', title: 'The issue', kind: 'bug', body: '', url: 'i' }),
      tasks: [],
      code: { pr_number: 8 } as TicketSnapshot['code'],
    });
    const trigger = { ...comment('/banyan retry', true), issue: { ...issue, number: 8, title: 'The pull request' } } as Trigger;
    const { intents } = route(trigger, context({ snapshot: failed }));
    expect(intents).toContainEqual(expect.objectContaining({ type: 'open_ticket', number: 7, title: 'The issue', kind: 'bug' }));
    expect(types(trigger)).toEqual([]);
  });

  it('need write access', () => {
    const { reason } = route(comment('/banyan plan'), context({ permission: 'read' }));
    expect(reason).toBe('command_refused');
  });
});

describe('an end', () => {
  it('of what nobody has let begin ends no run', () => {
    const idle = snapshot({ ticket: ticket({ state: 'awaiting_approval' }), run: null, tasks: [] });
    const { intents } = route({ type: 'issue_closed', actor: maintainer, issue }, context({ snapshot: idle }));
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'cancelled' }));
    expect(intents.map(({ type }) => type)).not.toContain('set_run');
  });

  const code = { pr_number: 8, status: 'ready' } as TicketSnapshot['code'];

  it('is reached by the merge', () => {
    const { intents } = route({ type: 'pull_request_closed', actor: maintainer, number: 8, merged: true, url: 'u' }, context({ snapshot: snapshot({ code }) }));
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'done' }));
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_run', state: 'completed' }));
  });

  it('is the same where the issue is closed by the merge before the pull request is heard of', () => {
    const { reason } = route({ type: 'issue_closed', actor: maintainer, issue }, context({ snapshot: snapshot({ code }), pullMerged: true }));
    expect(reason).toBe('merged');
  });

  it('without a merge stops the work', () => {
    const { intents } = route(
      { type: 'pull_request_closed', actor: maintainer, number: 8, merged: false, url: 'u' },
      context({ snapshot: snapshot({ code }) }),
    );
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'cancelled' }));
  });

  it('of another pull request is none of ours', () => {
    expect(types({ type: 'pull_request_closed', actor: maintainer, number: 99, merged: true, url: 'u' }, { snapshot: snapshot({ code }) })).toEqual([]);
  });
});

it('tells bugs from features by label, then by title', () => {
  expect(kindOf({ title: 'Total is wrong', labels: [] })).toBe('bug');
  expect(kindOf({ title: 'Total is wrong', labels: ['enhancement'] })).toBe('feature');
  expect(kindOf({ title: 'Add codes', labels: ['bug'] })).toBe('bug');
  expect(kindOf({ title: 'Add codes', labels: [] })).toBe('feature');
});

describe('control of a run', () => {
  const at = (state: Run['state'], change: Partial<Run> = {}, ticketState: Ticket['state'] = 'in_progress'): Partial<RoutingContext> => ({
    snapshot: snapshot({
      ticket: ticket({ state: ticketState }),
      run: { id: 'r', state, budget_usd: 5, warn_at_usd: 4, spent_usd: 2, ...change } as Run,
      tasks: [task({ phase: 'develop', role: 'developer', state: 'failed' })],
    }),
  });
  const reason = (words: string, change: Partial<RoutingContext>) => route(comment(words), context(change)).reason;

  it.each([
    ['/banyan pause', 'running', 'paused'],
    ['/banyan pause', 'queued', 'paused'],
    ['/banyan pause', 'paused', 'nothing_at_work'],
    ['/banyan pause', 'completed', 'nothing_at_work'],
    ['/banyan resume', 'paused', 'resumed'],
    ['/banyan resume', 'running', 'not_paused'],
    ['/banyan retry', 'paused', 'resumed'],
    ['/banyan plan', 'paused', 'resumed'],
    ['/banyan stop', 'paused', 'stopped'],
    ['/banyan budget 9', 'running', 'budget_changed'],
    ['/banyan budget 9', 'paused', 'budget_changed'],
    ['/banyan budget $9.50', 'stopped_budget', 'budget_raised'],
    ['/banyan budget 2', 'stopped_budget', 'budget_refused'],
    ['/banyan budget -9', 'running', 'budget_refused'],
    ['/banyan budget', 'running', 'budget_refused'],
    ['/banyan budget 1000', 'running', 'budget_changed'],
    ['/banyan budget 1000.01', 'running', 'budget_refused'],
    ['/banyan budget 999999', 'stopped_budget', 'budget_refused'],
  ] as const)('%s on a run that is %s: %s', (words, state, expected) => {
    expect(reason(words, at(state))).toBe(expected);
  });

  it('names the most that a budget may be', () => {
    const { intents } = route(comment('/banyan budget 123456789'), context(at('running')));
    expect(JSON.stringify(intents)).toContain('may be $1000.00 at most. It stays at $5.00.');
  });

  it.each(['running', 'paused'] as const)('hands the hint of a retry to who is at work on a run that is %s, or says why not', (state) => {
    const held = at(state).snapshot ?? snapshot();
    const hinted = (tasks: Task[], words = '/banyan retry be brief') => route(comment(words), context({ snapshot: { ...held, tasks } })).intents;
    const developer = task({ phase: 'develop', role: 'developer', state: 'running' });
    expect(hinted([developer])).toContainEqual(expect.objectContaining({ type: 'add_input', source: 'comment:1', body: 'be brief' }));
    expect(JSON.stringify(hinted([{ ...developer, state: 'waiting' }]))).toContain('close_questions');
    expect(hinted([developer], '/banyan retry').some((intent) => intent.type === 'add_input')).toBe(false);
    const judged = JSON.stringify(hinted([task({ phase: 'qa', role: 'qa', state: 'running' })]));
    expect(judged).toContain('I did not take the hint');
    expect(judged).not.toContain('add_input');
  });

  it('needs write access, and something that has not ended', () => {
    for (const words of ['/banyan pause', '/banyan resume', '/banyan budget 9']) {
      expect(reason(words, { ...at('running'), permission: 'read' })).toBe('command_refused');
      expect(reason(words, at('completed', {}, 'done'))).toBe('nothing_at_work');
      expect(reason(words, { snapshot: null })).toBe('nothing_at_work');
    }
  });

  it('keeps where the ticket stands, and warns at the same part of a new budget', () => {
    expect(types(comment('/banyan pause'), at('running'))).not.toContain('set_ticket');
    const { intents } = route(comment('/banyan budget 10'), context(at('stopped_budget')));
    expect(intents).toContainEqual({ type: 'set_run', state: 'running', stop_reason: null, budget_usd: 10, warn_at_usd: 8 });
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'in_progress' }));
  });
});

describe('the issue of an update', () => {
  const branch = updateBranch('0.2.0');
  const asking: IssueFacts = { ...issue, author: 'github-actions[bot]', body: conflictsMarker('0.2.0') };
  const labelled: Trigger = { type: 'label_added', actor: { login: 'github-actions[bot]', bot: true }, issue: asking, label: 'ready-for-dev' };
  const develops = expect.objectContaining({ type: 'add_task', role: 'developer' });

  it('starts the Developer on its branch, by the label of the workflow alone', () => {
    const { reason, intents } = route(labelled, context({ permission: null, updateBranch: branch }));
    expect(reason).toBe('started_by_label');
    expect(intents).toContainEqual(expect.objectContaining({ type: 'open_ticket', base_branch: branch }));
    expect(intents).toContainEqual(develops);
  });

  it.each<[string, Trigger, Partial<RoutingContext>]>([
    ['that GitHub does not confirm', labelled, { updateBranch: null }],
    ['with another label', { ...labelled, label: 'done' }, {}],
    ['by another bot', { ...labelled, actor: { login: 'other[bot]', bot: true } }, {}],
    ['that a bot only opens', { type: 'issue_opened', actor: labelled.actor, issue: { ...asking, labels: ['ready-for-dev'] } }, {}],
    [
      'by the word of a bot',
      { type: 'comment', actor: labelled.actor, issue: asking, comment: { id: 1, body: '/banyan retry', url: 'c' }, onPullRequest: false },
      {},
    ],
  ])('starts nothing %s', (_what, trigger, change) => {
    expect(route(trigger, context({ permission: null, updateBranch: branch, ...change }))).toEqual({ reason: 'bot', intents: [] });
  });

  it('needs no analysis, whoever with write access starts it', () => {
    const opened: Trigger = { type: 'issue_opened', actor: maintainer, issue: asking };
    expect(route(opened, context({ updateBranch: branch })).intents).toContainEqual(develops);
    expect(route({ ...comment('/banyan plan'), issue: asking } as Trigger, context({ updateBranch: branch })).intents).toContainEqual(develops);
    expect(route(opened, context())).toEqual({ reason: 'update_not_known', intents: [] });
  });

  it('begins nothing once the update is over', () => {
    const over = snapshot({ ticket: ticket({ state: 'cancelled', base_branch: branch }) });
    for (const trigger of [comment('/banyan retry'), { ...labelled, actor: maintainer }]) {
      const { reason, intents } = route(trigger, context({ snapshot: over }));
      expect(reason).toBe('update_over');
      expect(intents.some(({ type }) => type === 'start_run' || type === 'open_ticket')).toBe(false);
    }
  });

  it('is not about the question of a major version, whose answer is read by the workflow', () => {
    expect(route(comment('/banyan update'), context())).toEqual({ reason: 'for_the_update', intents: [] });
  });

  it('is an ordinary one where nothing confirms it', () => {
    const { intents } = route({ ...labelled, actor: maintainer }, context());
    expect(intents).toContainEqual(develops);
    expect(intents.find(({ type }) => type === 'open_ticket')).not.toHaveProperty('base_branch');
  });
});
