import { describe, expect, it } from 'vitest';
import { defaultRepositoryConfig } from '../config/repository.ts';
import type { Question, Run, Task, Ticket, TicketSnapshot } from './model.ts';
import { decideWait } from './waiting.ts';
import type { WaitContext, WaitingRules, WaitStage } from './waiting.ts';
import { WORKFLOWS } from './workflows.generated.ts';

const NOW = new Date('2026-11-21T10:00:00Z');
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000).toISOString();

function waitingTicket(changes: Partial<Ticket>, rest: Partial<TicketSnapshot> = {}): TicketSnapshot {
  const ticket = { project_id: 'p', number: 7, author: 'visitor', refined_description: null, waiting_since: hoursAgo(49), ...changes } as Ticket;
  return { ticket, run: { state: 'running' } as Run, tasks: [], questions: [], code: null, spend: [], first_run_at: null, discoveries: [], ...rest };
}

const QUESTIONS = [1, 2].map((number) => ({ number, state: 'asked' }) as Question);
const asking = (role: string, changes: Partial<Ticket> = {}) =>
  waitingTicket(
    { state: 'needs_clarification', waiting_for: 'answers', waiting_on: 'visitor', ...changes },
    { questions: QUESTIONS, tasks: [{ state: 'waiting', role, phase: role === 'developer' ? 'develop' : 'analyze' } as Task] },
  );

function context(rules: Partial<WaitingRules> = {}): WaitContext {
  return { rules: { ...defaultRepositoryConfig().waiting, ...rules }, workflow: WORKFLOWS['default']!, readyLabel: 'go', now: NOW };
}

function decide(snapshot: TicketSnapshot, stage: WaitStage, rules: Partial<WaitingRules> = {}) {
  const decision = decideWait(snapshot, { stage, number: 3 }, context(rules));
  const comments = decision?.intents.flatMap((intent) => (intent.type === 'effect' && intent.kind === 'comment' ? [intent] : [])) ?? [];
  expect(comments).toHaveLength(decision ? 1 : 0);
  return { deed: decision?.deed, text: comments[0]?.payload['body'] as string, key: comments[0]?.key, intents: decision?.intents ?? [] };
}

describe('a wait for answers', () => {
  it('is reminded of to who was asked, with what comes next', () => {
    const { deed, text, key, intents } = decide(asking('product-owner'), 'remind');
    expect(deed).toBe('reminded');
    expect(text).toBe(
      '@visitor, I have been waiting for 2 d 1 h for an answer to questions 1, 2 above. A short comment is enough. If nothing happens for another 11 d 23 h, I stop working on this issue.',
    );
    expect(key).toBe('p#7/comment/waiting/3/remind');
    // Nothing of the ticket changes: whoever decides about it at this moment is not overtaken.
    expect(intents.map(({ type }) => type)).toEqual(['effect', 'event']);
  });

  it('does not notify what is no login', () => {
    expect(decide(asking('product-owner', { waiting_on: 'renovate[bot]' }), 'remind').text).toMatch(/^`renovate\[bot\]`, /);
  });

  it('goes to the maintainers who are configured, and does not notify who was asked again', () => {
    const { text } = decide(asking('product-owner'), 'escalate', { escalateTo: ['@acme/maintainers', '@alice'] });
    expect(text).toMatch(/^@acme\/maintainers @alice: `visitor` has not answered/);
    expect(decide(asking('product-owner'), 'escalate').text).toMatch(/^A maintainer: /);
  });

  it('promises nothing where it goes on waiting, or the end has come already', () => {
    expect(decide(asking('product-owner'), 'escalate', { atEnd: 'keep' }).text).toMatch(/I go on waiting and do not ask again\.$/);
    expect(decide(asking('product-owner', { waiting_since: hoursAgo(400) }), 'escalate').text).toMatch(/`\/banyan stop`\.$/);
  });

  it('ends with a stop that says how to start again', () => {
    const { deed, text, intents } = decide(asking('product-owner', { waiting_since: hoursAgo(337) }), 'end');
    expect(deed).toBe('stopped');
    expect(text).toContain('`/banyan retry`');
    expect(intents.map(({ type }) => type)).toEqual(['set_run', 'cancel_tasks', 'close_questions', 'set_ticket', 'effect', 'effect', 'effect', 'event']);
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'cancelled', waiting_for: null }));
  });

  it('ends with the assumptions of the Product Owner, and of nobody else', () => {
    const assumed = decide(asking('product-owner'), 'end', { atEnd: 'assume' });
    expect(assumed.deed).toBe('assumed');
    expect(assumed.intents).toContainEqual(expect.objectContaining({ type: 'add_input', source: 'waiting/3' }));
    expect(assumed.intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'analyzing', waiting_for: null }));
    expect(decide(asking('developer'), 'end', { atEnd: 'assume' }).deed).toBe('handed_over');
  });

  it('ends with a person who is needed', () => {
    const { deed, intents } = decide(asking('developer'), 'end', { atEnd: 'needs_human' });
    expect(deed).toBe('handed_over');
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'failed', waiting_for: 'retry' }));
  });
});

describe('a wait for approval', () => {
  const stranger = (changes: Partial<Ticket> = {}) =>
    waitingTicket({ state: 'awaiting_approval', waiting_for: 'approval', waiting_on: 'maintainers', ...changes }, { run: null });

  it('says what a maintainer can do: before the analysis, and after it', () => {
    expect(decide(stranger(), 'remind').text).toContain('`/banyan plan` to let me analyse it, or add the label `go`');
    expect(decide(stranger({ refined_description: 'Greet.' }), 'escalate').text).toContain('read the plan in my status comment and add the label `go`');
  });

  it.each(['stop', 'needs_human', 'assume'] as const)('is never taken as given: %s', (atEnd) => {
    const { deed, intents } = decide(stranger(), 'end', { atEnd });
    expect(deed).toBe(atEnd === 'needs_human' ? 'handed_over' : 'stopped');
    // Without a run there is none to end, and nothing is begun.
    expect(intents.filter(({ type }) => ['set_run', 'start_run', 'add_task', 'add_input'].includes(type))).toEqual([]);
  });
});

it('a pull request that waits is named once, without an outcome', () => {
  const ready = waitingTicket({ state: 'in_review', waiting_for: 'merge' }, { code: { pr_number: 12 } as TicketSnapshot['code'] });
  expect(decide(ready, 'remind').text).toBe('A maintainer: pull request #12 has been ready for 2 d 1 h. Please merge it, or close it. I do not ask again.');
});

it('whoever waits no longer is left alone', () => {
  expect(decideWait(waitingTicket({ waiting_for: null, waiting_since: null }), { stage: 'remind', number: 1 }, context())).toBeNull();
});
