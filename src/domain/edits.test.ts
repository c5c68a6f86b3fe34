import { describe, expect, it } from 'vitest';
import { decide, OVERTAKEN, REPEATS, situationOf } from './edits.ts';
import type { Situation } from './edits.ts';
import { labelNames } from './labels.ts';
import type { Task, Ticket, TicketSnapshot } from './model.ts';
import type { RoutingContext } from './routing.ts';
import type { IssueFacts, Trigger } from './trigger.ts';
import { WORKFLOWS } from './workflows.generated.ts';

const ISSUE: IssueFacts = { number: 7, title: 'New title', body: 'new text', author: 'author', url: 'u', labels: [] };

function task(role: string, state: Task['state'], change: Partial<Task> = {}): Task {
  const phase = role === 'product-owner' ? 'analyze' : role === 'developer' ? 'develop' : role;
  return { id: role, phase, role, state, input: {}, started_at: state === 'pending' ? null : 'then', ...change } as Task;
}

function snapshot(tasks: Task[], change: Partial<Ticket> = {}): TicketSnapshot {
  const ticket = { id: 't', number: 7, title: 'Old title', body: 'old text', state: 'in_progress', author: 'author', ...change } as Ticket;
  return { ticket, run: { id: 'r' } as TicketSnapshot['run'], tasks, questions: [], code: null, spend: [], first_run_at: null, discoveries: [] };
}

const DONE = task('product-owner', 'completed');
const SNAPSHOTS: Record<Situation, TicketSnapshot[]> = {
  idle: [
    { ...snapshot([], { state: 'awaiting_approval' }), run: null },
    snapshot([DONE], { state: 'done' }),
    snapshot([task('developer', 'failed')], { state: 'failed' }),
    snapshot([task('product-owner', 'cancelled')], { state: 'cancelled' }),
  ],
  to_analyze: [snapshot([task('product-owner', 'pending')])],
  analyzing: [
    snapshot([task('product-owner', 'running')]),
    snapshot([task('product-owner', 'waiting')]),
    snapshot([task('product-owner', 'pending', { started_at: 'then' })]),
  ],
  analyzed: [snapshot([DONE, task('developer', 'pending')]), snapshot([DONE], { state: 'awaiting_approval' })],
  to_develop: [
    snapshot([task('developer', 'pending')]),
    snapshot([DONE, task('developer', 'completed'), task('qa', 'completed'), task('developer', 'pending')]),
  ],
  developing: [snapshot([DONE, task('developer', 'running')]), snapshot([task('developer', 'waiting')])],
  judging: [snapshot([DONE, task('developer', 'completed'), task('qa', 'running')]), snapshot([DONE, task('developer', 'completed')])],
};

function context(change: Partial<RoutingContext>): RoutingContext {
  const workflow = WORKFLOWS['default'];
  if (!workflow) throw new Error('no default workflow');
  const config = { enabled: true, labels: labelNames({}), budgetUsd: 5, warnAtUsd: 4, fixCycles: null, maxMinutes: null, snapshot: {} };
  return {
    projectId: 'p',
    source: 'guid',
    snapshot: null,
    permission: 'admin',
    pullMerged: false,
    issueClosed: false,
    updateBranch: null,
    workflow,
    config,
    ...change,
  };
}

const edited = (login: string, issue: IssueFacts = ISSUE): Trigger => ({ type: 'issue_edited', actor: { login, bot: false }, issue });
const situations = Object.entries(SNAPSHOTS).flatMap(([name, list]) => list.map((found) => ({ situation: name as Situation, found })));

it.each(situations)('knows where the work is: $situation %#', ({ situation, found }) => {
  expect(situationOf(found)).toBe(situation);
});

describe('an edit of the issue', () => {
  it.each(situations)('by who may start work, while $situation %#', ({ situation, found }) => {
    const { reason, intents } = decide(edited('boss'), context({ snapshot: found }));
    const types = intents.map((intent) => intent.type);
    const consequence = OVERTAKEN[situation].maintainer;
    expect(reason).toBe(`edit_${consequence === 'ignore' ? 'ignored' : consequence}_${situation}`);
    expect(types.includes('open_ticket')).toBe(consequence !== 'ignore');
    expect(types.includes('add_input')).toBe(consequence === 'hear');
    expect(intents.filter((intent) => intent.type === 'add_task').map(({ phase }) => phase)).toEqual(consequence === 'again' ? ['analyze'] : []);
    expect(types.includes('cancel_tasks')).toBe(consequence === 'again');
  });

  it.each(situations)('by an author who may not, while $situation %#: nothing once it was said that it should be built', ({ situation, found }) => {
    const { intents } = decide(edited('author'), context({ snapshot: found, permission: 'read' }));
    expect(intents.length > 0).toBe(['to_analyze', 'analyzing', 'analyzed'].includes(situation));
  });

  it('is nothing by anybody else, by a bot, without a ticket, with the same text, or where Banyan is off', () => {
    const at = SNAPSHOTS.analyzing[0] ?? null;
    const same = { ...ISSUE, title: 'Old title', body: 'old text' };
    const off = context({ snapshot: at });
    expect(decide(edited('someone'), context({ snapshot: at, permission: 'read' })).reason).toBe('without_permission');
    expect(decide({ ...edited('x'), actor: { login: 'x', bot: true } }, context({ snapshot: at })).reason).toBe('bot');
    expect(decide(edited('boss'), context({})).reason).toBe('no_ticket');
    expect(decide(edited('boss', same), context({ snapshot: at })).reason).toBe('same_text');
    expect(decide(edited('boss'), { ...off, config: { ...off.config, enabled: false } }).reason).toBe('disabled');
  });

  it('wakes an analysis that waits for answers, and leaves its questions open', () => {
    const waiting = snapshot([task('product-owner', 'waiting')], { state: 'needs_clarification' });
    const { intents } = decide(edited('author'), context({ snapshot: waiting, permission: 'read' }));
    expect(intents).toContainEqual({ type: 'set_ticket', state: 'analyzing', waiting_for: null, waiting_on: null });
    expect(intents.some((intent) => intent.type === 'close_questions')).toBe(false);
  });

  it.each([
    ['boss', 'admin' as const, REPEATS.maintainer, 'edit_text_analyzed'],
    ['author', 'read' as const, REPEATS.author, 'edit_ignored_analyzed'],
  ])('has the analysis repeated %s times at most: then it goes on', (login, permission, repeats, reason) => {
    const again = Array.from({ length: repeats }, () => ({ ...DONE, input: { from: 'edit' } }));
    const before = decide(edited(login), context({ snapshot: snapshot([DONE, ...again.slice(1), task('developer', 'pending')]), permission }));
    expect(before.reason).toBe('edit_again_analyzed');
    expect(decide(edited(login), context({ snapshot: snapshot([DONE, ...again, task('developer', 'pending')]), permission })).reason).toBe(reason);
  });

  it('keeps the title that a branch is named after', () => {
    const titleIn = (found: TicketSnapshot) =>
      decide(edited('boss'), context({ snapshot: found })).intents.find((intent) => intent.type === 'open_ticket')?.title;
    expect([SNAPSHOTS.analyzing, SNAPSHOTS.analyzed].map(([found]) => found && titleIn(found))).toEqual(['New title', 'New title']);
    expect([SNAPSHOTS.developing, SNAPSHOTS.judging, SNAPSHOTS.to_develop].map(([found]) => found && titleIn(found))).toEqual(Array(3).fill('Old title'));
  });
});

describe('a comment', () => {
  const base = { actor: { login: 'author', bot: false }, issue: ISSUE, onPullRequest: false };
  const change = (body: string, more: object = {}): Trigger => ({ type: 'comment_edited', ...base, comment: { id: 3, body }, ...more });
  const analyzing = snapshot([task('product-owner', 'running')]);

  it('that is edited is heard by who had it, while its writer is heard', () => {
    const heard = decide(change('better'), context({ snapshot: analyzing, permission: 'read' })).intents;
    expect(heard[0]).toMatchObject({ type: 'edit_input', source: 'comment:3', revision: 'guid', body: 'better', heard: true });
    const developing = context({ snapshot: SNAPSHOTS.developing[0] ?? null, permission: 'read' });
    expect(decide(change('better'), developing).reason).toBe('without_permission');
    const judging = decide(change('better'), context({ snapshot: SNAPSHOTS.judging[0] ?? null })).intents;
    expect(judging[0]).toMatchObject({ type: 'edit_input', heard: false, woken: [] });
  });

  it('does not become a command by an edit, and is not for us on a pull request', () => {
    expect(decide(change('/banyan stop'), context({ snapshot: analyzing })).reason).toBe('command_by_edit');
    expect(decide(change('x', { onPullRequest: true }), context({ snapshot: analyzing })).reason).toBe('not_for_us');
  });

  it('that is deleted is taken back by whoever could delete it', () => {
    const deleted: Trigger = { type: 'comment_deleted', ...base, comment: { id: 3 } };
    expect(decide(deleted, context({ snapshot: analyzing, permission: 'none' })).intents).toMatchObject([
      { type: 'drop_input', source: 'comment:3', waiting_on: 'author' },
    ]);
    expect(decide(deleted, context({})).intents).toEqual([]);
  });
});
