import { describe, expect, it } from 'vitest';
import { decideBlocked, forget } from './blocked.ts';
import type { BlockedContext, Hindrance } from './blocked.ts';
import type { Run, Task, Ticket, TicketSnapshot } from './model.ts';
import { WORKFLOWS } from './workflows.generated.ts';

const NOW = new Date('2026-11-21T10:00:00Z');

function issue(ticket: Partial<Ticket>, tasks: Partial<Task>[] = []): TicketSnapshot {
  return {
    ticket: { project_id: 'p', number: 7, version: 9, note: null, ...ticket } as Ticket,
    run: { id: 'r', state: 'running' } as Run,
    tasks: tasks.map((task) => ({ input: {}, title: 'Build', ...task }) as Task),
    questions: [],
    code: null,
    spend: [],
    first_run_at: null,
    discoveries: [],
  };
}

function decide(snapshot: TicketSnapshot, hindrance: Hindrance | null, context: Partial<BlockedContext> = {}) {
  const phases = { workflow: WORKFLOWS['default']!, fixCycles: null, maxMinutes: null };
  const decision = decideBlocked(snapshot, { hindrance, memory: {}, since: null, repository: 'acme/shop', phases, now: NOW, ...context });
  const comments = decision?.intents.flatMap((intent) => (intent.type === 'effect' && intent.kind === 'comment' ? [intent.payload['body'] as string] : []));
  return { ...decision, text: comments?.[0] ?? null, set: decision?.intents.find(({ type }) => type === 'set_ticket') };
}

describe('what is missing', () => {
  const dependency: Hindrance = { cause: 'dependency:t', task: 'Build <b>', before: 'Clarify', before_state: 'dead', before_number: 3 };

  it.each([
    [{ cause: 'installation:deleted' }, 'I cannot go on here: the GitHub App is no longer installed here. An owner of `acme` can install it again. I go on'],
    [{ cause: 'installation:suspended' }, 'An owner of `acme` can unsuspend it'],
    [{ cause: 'repository:archived' }, 'this repository is archived. Somebody who administers it can unarchive it.'],
    [{ ...dependency, before_repository: 'acme/shop' }, '"Build &lt;b>" comes after "Clarify" (of #3), which is dead. A maintainer: get that going again with'],
    [{ ...dependency, before_repository: 'acme/lib' }, '(of acme/lib#3)'],
    [{ ...dependency, before_repository: 'acme/shop', before_number: 7 }, 'comes after "Clarify", which is dead. A maintainer: comment `/banyan retry` here'],
  ])('is said with who can give it: %o', (hindrance, words) => {
    const { text, set, finding, memory, deed } = decide(issue({ state: 'in_qa' }), hindrance);
    expect(text).toContain(words);
    expect(text?.split('\n')).toHaveLength(1);
    expect(set).toMatchObject({ state: 'blocked', note: expect.stringMatching(/^["A-Z]/) as unknown });
    expect([finding, memory, deed]).toEqual([hindrance.cause, { was: 'in_qa' }, 'blocked']);
  });

  it('may change while it is blocked; it goes back to where it was', () => {
    const snapshot = issue({ state: 'blocked' });
    expect(decide(snapshot, { cause: 'repository:archived' }, { memory: { was: 'in_qa' } }).memory).toEqual({ was: 'in_qa' });
    // Blocked by somebody else first: it stays theirs.
    expect(decide(snapshot, { cause: 'repository:archived' }).memory).toEqual({});
  });

  it('is there again: the issue goes back, and its note says so', () => {
    const { set, finding, memory, text, deed } = decide(issue({ state: 'blocked' }), null, {
      memory: { was: 'ready_for_dev', run: 'r', mended: 1 },
      since: '2026-11-21T07:55:00Z',
    });
    expect(set).toEqual({ type: 'set_ticket', state: 'ready_for_dev', note: 'This issue was blocked for 2 h 5 min; that is settled, and I went on.' });
    expect([finding, memory, text, deed]).toEqual([null, { run: 'r', mended: 1 }, null, 'unblocked']);
  });

  it('goes back to where its open task belongs where nothing is remembered', () => {
    expect(decide(issue({ state: 'blocked' }, [{ state: 'pending', phase: 'review' }]), null).set).toMatchObject({ state: 'in_review' });
  });

  it('is nothing where somebody began anew meanwhile', () => {
    expect(decide(issue({ state: 'in_progress' }), null).deed).toBeUndefined();
  });
});

describe('a lost task', () => {
  const lost = { cause: 'lost' };
  const added = (snapshot: TicketSnapshot, context: Partial<BlockedContext> = {}) =>
    decide(snapshot, lost, context).intents?.find((intent) => intent.type === 'add_task');

  it('is begun again under a key that nobody has, with what it was given', () => {
    const tasks: Partial<Task>[] = [
      { key: 'develop:3', phase: 'develop', state: 'cancelled', input: { from: 'qa', feedback: 'Mend it.' } },
      { key: 'qa:1', phase: 'qa', state: 'completed' },
    ];
    expect(added(issue({ state: 'in_progress' }, tasks))).toMatchObject({
      key: 'develop:4',
      role: 'developer',
      input: { from: 'mended', feedback: 'Mend it.' },
    });
  });

  it('is that of where the issue was when it was blocked', () => {
    expect(added(issue({ state: 'blocked' }), { memory: { was: 'in_qa' } })).toMatchObject({ key: 'qa:1' });
  });

  it('passes no gate: where the analysis ended without saying what follows, it is done again', () => {
    expect(added(issue({ state: 'analyzing' }, [{ key: 'analyze:1', phase: 'analyze', state: 'completed' }]))).toMatchObject({ key: 'analyze:2' });
  });

  it('is the affair of a person after two times in one run; another run begins to count anew', () => {
    const snapshot = issue({ state: 'in_progress' });
    expect(decide(snapshot, lost, { memory: { run: 'r', mended: 1 } }).memory).toEqual({ run: 'r', mended: 2 });
    const end = decide(snapshot, lost, { memory: { run: 'r', mended: 2 } });
    expect([end.deed, end.set]).toMatchObject(['handed_over', { state: 'failed' }]);
    expect(end.text).toBe(
      'Nothing was left to do and the issue was not at its end: its next task was lost 3 times. A maintainer can comment `/banyan retry` to begin again.',
    );
    expect(decide(snapshot, lost, { memory: { run: 'earlier', mended: 2 } }).deed).toBe('mended');
  });
});

it('what somebody else has blocked keeps its note, which is quoted', () => {
  const { text, set, finding } = decide(issue({ state: 'blocked', note: 'after @alice <!-- x -->' }), { cause: 'other' });
  expect(text).toContain('This issue is blocked: after @\u200balice &lt;!-- x -->. A maintainer can comment');
  expect([set, finding]).toEqual([undefined, 'other']);
});

it('only what was mended outlives a block', () => {
  expect(forget({ was: 'in_qa', run: 'r', mended: 2 })).toEqual({ run: 'r', mended: 2 });
  expect(forget({})).toEqual({});
});
