import { describe, expect, it } from 'vitest';
import type { Question, Task, TicketSnapshot } from '../../domain/model.ts';
import type { PhaseContext } from '../../domain/phases.ts';
import { WORKFLOWS } from '../../domain/workflows.generated.ts';
import type { ProductOwnerResult } from '../results.ts';
import { roundsAsked } from '../../engine/asking.ts';
import { acceptAnalysis, speakers } from './policy.ts';

function asked(change: Partial<Question>): Question {
  return { id: 'q', task_id: 't', number: 1, round: 1, body: '?', assumption: null, state: 'asked', answered_by: null, answer: null, ...change };
}

function snapshotWith(questions: Question[]): TicketSnapshot {
  return { ticket: { author: 'visitor' }, questions } as TicketSnapshot;
}

const CONTEXT = {
  at: { projectId: 'p', number: 7 },
  workflow: WORKFLOWS['default'],
  tasks: [],
  source: 's',
  fixCycles: null,
  maxMinutes: null,
} as unknown as PhaseContext;
const TASK = { id: 't', phase: 'analyze' } as Task;
const RESULT: ProductOwnerResult = {
  needs_clarification: false,
  questions: [],
  refined_description: 'Greet.',
  acceptance_criteria: ['It greets.'],
  priority: 'high',
};

it('counts the rounds of its own task', () => {
  const snapshot = snapshotWith([asked({ round: 1 }), asked({ round: 2 }), asked({ round: 5, task_id: 'other' })]);
  expect(roundsAsked(snapshot, 't')).toBe(2);
  expect(roundsAsked(snapshotWith([]), 't')).toBe(0);
});

it('names everybody whose words it took, once', () => {
  const answered = [asked({ answered_by: 'a' }), asked({ answered_by: 'a' }), asked({ answered_by: 'b', task_id: 'other' }), asked({})];
  expect(speakers(snapshotWith(answered), 't')).toEqual(['visitor', 'a']);
});

describe('an accepted analysis', () => {
  it('is written to the ticket, closes the questions, and goes to the Developer', () => {
    const intents = acceptAnalysis(CONTEXT, snapshotWith([]), { task: TASK, result: RESULT, needsApproval: false });
    expect(intents.slice(0, 2)).toEqual([
      { type: 'close_questions', state: 'assumed' },
      { type: 'set_ticket', refined_description: 'Greet.', acceptance_criteria: ['It greets.'], priority: 'high' },
    ]);
    expect(intents).toContainEqual(expect.objectContaining({ type: 'add_task', role: 'developer' }));
    expect(intents.some((intent) => intent.type === 'artifact')).toBe(false);
  });

  it('waits for a maintainer where somebody without write access had a part in it', () => {
    const intents = acceptAnalysis(CONTEXT, snapshotWith([]), { task: TASK, result: RESULT, needsApproval: true });
    expect(intents).toContainEqual(
      expect.objectContaining({ type: 'set_ticket', state: 'awaiting_approval', waiting_for: 'approval', waiting_on: 'maintainers' }),
    );
    expect(intents.some((intent) => intent.type === 'add_task')).toBe(false);
  });

  it('keeps the breakdown where there is one', () => {
    const tasks = [{ title: 'First', description: '' }];
    const intents = acceptAnalysis(CONTEXT, snapshotWith([]), { task: TASK, result: { ...RESULT, tasks }, needsApproval: false });
    expect(intents).toContainEqual(expect.objectContaining({ type: 'artifact', kind: 'breakdown', content: { tasks } }));
  });
});
