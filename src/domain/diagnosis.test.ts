import { describe, expect, it } from 'vitest';
import { allowedActions, decideByRules, refusal, rollbackSteps, signatureOf } from './diagnosis.ts';
import type { Case, Facts } from './diagnosis.ts';
import { describeStall, gatherEvidence } from './evidence.ts';
import type { Task, TicketSnapshot } from './model.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const SINCE = '2026-11-22T11:00:00Z';

const task = {
  id: 't1',
  key: 'develop:1',
  role: 'developer',
  phase: 'develop',
  title: 'Build the change',
  state: 'running',
  input: {},
  error: null,
  attempts: 1,
  max_attempts: 5,
  due_at: SINCE,
} as unknown as Task;

type Step = Partial<NonNullable<Facts['conversation']>['messages'][number]> & { kind: string };

function facts(changes: Partial<Facts> = {}, steps: Step[] = []): Facts {
  const messages = steps.map((step, index) => ({ seq: index + 1, tool: null, is_error: false, at: SINCE, calls: 0, ours: false, text: 'words', ...step }));
  return {
    snapshot: {
      ticket: { state: 'in_progress', waiting_for: null },
      run: { id: 'r1', spent_usd: 1, budget_usd: 5, recovery: {} },
      tasks: [task],
    } as unknown as TicketSnapshot,
    task_id: 't1',
    lease: null,
    conversation: { last_seq: messages.length, model_calls: 1, models: [], cost_usd: 1, messages, rollbacks: [], changed_seq: null, failed: [], repeated: [] },
    graph: { tasks: [], edges: [] },
    blockers: [],
    queue: { limited: false, max_agents: 10, running: 1, ready: 0 },
    deaths: null,
    anomaly: null,
    in_run: [],
    past: [],
    ...changes,
  };
}

function aCase(changes: Partial<Case> = {}): Case {
  return { stall: 'silent', since: SINCE, facts: facts(), otherModels: [], ...changes };
}

function waiting(): Facts {
  const given = facts();
  return { ...given, snapshot: { ...given.snapshot, ticket: { ...given.snapshot.ticket, waiting_for: 'answers' } } };
}

const BRIEF: Step[] = [{ kind: 'system' }, { kind: 'human' }];
const turns = (count: number): Step[] =>
  Array.from({ length: count }, (): Step[] => [
    { kind: 'ai', calls: 1 },
    { kind: 'tool', tool: 'read_file' },
  ]).flat();

describe('the steps to which a conversation can go back', () => {
  it('lie behind the brief and what people said, and are the newest', () => {
    expect(rollbackSteps(facts({}, [...BRIEF, ...turns(3)]))).toEqual([3, 5, 7]);
    expect(rollbackSteps(facts({}, [...BRIEF, ...turns(2), { kind: 'human' }, ...turns(1)]))).toEqual([8]);
    expect(rollbackSteps(facts({}, [...BRIEF, ...turns(2), { kind: 'human', ours: true }, ...turns(1)]))).toEqual([3, 5, 8]);
    expect(rollbackSteps(facts({}, [...BRIEF, ...turns(20)]))).toHaveLength(6);
    expect(rollbackSteps(facts({}, BRIEF))).toEqual([]);
  });

  it('are none of those that were undone, and none after two rollbacks', () => {
    const undone = facts({}, [...BRIEF, ...turns(3)]);
    const once = { from_seq: 5, to_seq: 8, reason: 'errors' };
    expect(rollbackSteps({ ...undone, conversation: { ...undone.conversation!, rollbacks: [once] } })).toEqual([3]);
    expect(rollbackSteps({ ...undone, conversation: { ...undone.conversation!, rollbacks: [once, once] } })).toEqual([]);
  });
});

describe('what is admitted', () => {
  it('depends on the state', () => {
    expect(allowedActions(aCase())).toEqual(['retry', 'split', 're_plan']);
    expect(allowedActions(aCase({ otherModels: ['openai:x'], facts: facts({}, [...BRIEF, ...turns(1)]) }))).toContain('change_model');
    expect(allowedActions(aCase({ facts: facts({ task_id: null }) }))).toEqual(['ask_person', 'stop']);
    expect(allowedActions(aCase({ facts: waiting() }))).toEqual(['ask_person']);
  });

  it('costs nothing where nothing is left of the budget', () => {
    const poor = facts();
    poor.snapshot.run!.spent_usd = 5;
    expect(allowedActions(aCase({ otherModels: ['openai:x'], facts: poor }))).toEqual(['retry']);
  });

  it('ends after two recoveries', () => {
    const tried = { signature: 'x', action: 'retry' as const, outcome: 'helped' as const, state: 'resolved' };
    expect(allowedActions(aCase({ facts: facts({ in_run: [tried, { ...tried, action: 'ask_person' }] }) }))).toContain('retry');
    expect(allowedActions(aCase({ facts: facts({ in_run: [tried, tried] }) }))).toEqual(['ask_person', 'stop']);
  });

  it('is no end where what the rules would do was not tried, whoever says so', () => {
    const tried = { signature: 'x', action: 'retry' as const, outcome: 'failed' as 'failed' | 'helped', state: 'dismissed' };
    expect(allowedActions(aCase({ stall: 'lost' }))).not.toContain('stop');
    expect(refusal(aCase({ stall: 'lost' }), { action: 'ask_person', evidence: ['stall'] }, new Set(['stall']))).toMatch(/not admitted/);
    expect(allowedActions(aCase({ facts: facts({ in_run: [tried] }) }))).toEqual(['retry', 'split', 're_plan', 'ask_person', 'stop']);
    expect(allowedActions(aCase({ facts: facts({ in_run: [{ ...tried, outcome: 'helped' }] }) }))).not.toContain('stop');
    // What is only unusual is paused.
    const unusual = allowedActions(aCase({ stall: 'anomaly' }));
    expect(unusual).toContain('ask_person');
    expect(unusual).not.toContain('stop');
  });

  it('is not what failed against the same, here or more often than it helped elsewhere', () => {
    const signature = signatureOf(aCase());
    const past = (outcome: 'helped' | 'failed', named = signature) => ({ signature: named, cause: 'silent', action: 'retry' as const, outcome, at: SINCE });
    const actions = (changes: Partial<Facts>) => allowedActions(aCase({ facts: facts(changes) }));
    expect(actions({ in_run: [{ signature, action: 'retry', outcome: null, state: 'recovering' }] })).not.toContain('retry');
    expect(actions({ past: [past('failed')] })).not.toContain('retry');
    expect(actions({ past: [past('failed'), past('helped')] })).toContain('retry');
    expect(actions({ past: [past('failed', 'silent/qa/qa/none')] })).toContain('retry');
  });
});

describe('the rules', () => {
  const anomaly = (cause: string) => ({ id: 'd1', cause, score: 0.9, evidence: [{ id: `figure:${cause}`, text: 'much', score: 0.9 }] });

  it.each([
    [aCase({ stall: 'lost' }), 'retry'],
    [aCase({ stall: 'silent' }), 'retry'],
    [aCase({ stall: 'starved' }), 'retry'],
    [aCase({ stall: 'anomaly', facts: facts({ anomaly: anomaly('cost_usd') }) }), 'ask_person'],
    [aCase({ stall: 'anomaly', facts: facts({ anomaly: anomaly('steps+repeated') }, [...BRIEF, ...turns(4)]) }), 'roll_back'],
    [aCase({ stall: 'anomaly', facts: facts({ anomaly: anomaly('repeated') }) }), 're_plan'],
    [aCase({ facts: waiting() }), 'ask_person'],
  ])('%#: choose %o', (given, action) => {
    expect(decideByRules(given).action).toBe(action);
  });

  it('go back over no change of the files', () => {
    const built = facts({ anomaly: anomaly('error_rate') }, [...BRIEF, ...turns(6)]);
    built.conversation!.failed = [{ seq: 6, name: 'edit_file', input: null, output: null }];
    expect(decideByRules(aCase({ stall: 'anomaly', facts: built }))).toEqual({ action: 'roll_back', step: 5 });
    built.conversation!.changed_seq = 10;
    expect(decideByRules(aCase({ stall: 'anomaly', facts: built }))).toEqual({ action: 'roll_back', step: 11 });
    built.conversation!.changed_seq = 14;
    expect(decideByRules(aCase({ stall: 'anomaly', facts: built })).action).not.toBe('roll_back');
  });

  it('go back before the first of the calls that repeat', () => {
    const looping = facts({ anomaly: anomaly('repeated') }, [...BRIEF, ...turns(4)]);
    looping.conversation!.repeated = [{ name: 'read_file', input: '{}', times: 12, first_seq: 8, last_seq: 10 }];
    expect(decideByRules(aCase({ stall: 'anomaly', facts: looping }))).toEqual({ action: 'roll_back', step: 7 });
  });
});

describe('a proposal', () => {
  const given = aCase({ otherModels: ['openai:x'], facts: facts({}, [...BRIEF, ...turns(2)]) });
  const known = new Set(gatherEvidence(given, NOW).map(({ id }) => id));

  it('is taken where its evidence exists and its action is admitted', () => {
    expect(refusal(given, { action: 'retry', evidence: ['stall', 'message:6'] }, known)).toBeNull();
    expect(refusal(given, { action: 'roll_back', step: 5, evidence: ['task'] }, known)).toBeNull();
    expect(refusal(given, { action: 'change_model', model: 'openai:x', evidence: ['queue'] }, known)).toBeNull();
  });

  it.each([
    [{ action: 'retry', evidence: [] }, /no evidence/],
    [{ action: 'retry', evidence: ['message:99'] }, /no evidence "message:99"/],
    [{ action: 'roll_back', step: 4, evidence: ['task'] }, /no such step/],
    [{ action: 'roll_back', evidence: ['task'] }, /no such step/],
    [{ action: 'change_model', model: 'openai:mine', evidence: ['task'] }, /no such model/],
  ] as const)('%o is refused', (proposal, reason) => {
    expect(refusal(given, proposal, known)).toMatch(reason);
  });

  it('of what the state does not admit is refused', () => {
    expect(refusal(aCase({ facts: waiting() }), { action: 'retry', evidence: ['stall'] }, new Set(['stall']))).toMatch(/not admitted/);
  });
});

it('each piece of evidence has an id of its own, and says what it is', () => {
  const given = aCase({
    facts: facts({ deaths: { in_a_row: 2, last_at: SINCE }, blockers: [{ task: 'b', before: 'a', state: 'running' }] }, [...BRIEF, ...turns(6)]),
  });
  const ids = gatherEvidence(given, NOW).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(['stall', 'task', 'queue', 'deaths', 'blocker:b<a', 'message:14']));
  expect(describeStall(given, NOW)).toBe('a worker holds the task "Build the change" (Developer) and has stored nothing for 1 h');
});
