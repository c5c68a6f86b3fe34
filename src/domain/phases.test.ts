import { describe, expect, it } from 'vitest';
import type { Task, TicketSnapshot } from './model.ts';
import { advance, enterPhase } from './phases.ts';
import type { PhaseContext } from './phases.ts';
import { workflowSchema } from './workflow.ts';
import { WORKFLOWS } from './workflows.generated.ts';

const workflow = WORKFLOWS['default'];
if (!workflow) throw new Error('no default workflow');

function context(tasks: PhaseContext['tasks'], change: Partial<PhaseContext> = {}): PhaseContext {
  return {
    at: { projectId: 'p', number: 7 },
    workflow: workflow as NonNullable<typeof workflow>,
    tasks,
    source: 's',
    fixCycles: null,
    maxMinutes: null,
    ...change,
  };
}

const snapshot = { code: { pr_number: 8 } } as TicketSnapshot;

function done(phase: string, outcome: string) {
  return { task: { id: 'k', phase } as Task, outcome, feedback: { feedback: 'f' }, tried: 'everything' };
}

const fix = { phase: 'develop', input: { from: 'qa' } };

describe('advance', () => {
  it('passes ready-for-dev on the way to the Developer', () => {
    const intents = advance(context([]), snapshot, done('analyze', 'ready'));
    expect(intents[0]).toMatchObject({ type: 'set_ticket', state: 'ready_for_dev' });
    expect(intents).toContainEqual(expect.objectContaining({ key: 'develop:1', parent_task_id: 'k' }));
  });

  it('hands findings back three times, then to a person with what was tried', () => {
    const again = advance(context([fix, fix]), snapshot, done('qa', 'failed'));
    expect(again).toContainEqual(expect.objectContaining({ key: 'develop:3', input: { from: 'qa', outcome: 'failed', cycle: 3, feedback: 'f' } }));
    const over = advance(context([fix, fix, fix]), snapshot, done('qa', 'failed'));
    expect(over).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'failed', note: 'everything' }));
    expect(over.some((intent) => intent.type === 'add_task')).toBe(false);
  });

  it('counts the cycles of QA and of the review apart, and takes the repository’s limit', () => {
    expect(advance(context([fix, fix, fix]), snapshot, done('review', 'changes')).some((intent) => intent.type === 'add_task')).toBe(true);
    expect(advance(context([fix], { fixCycles: 1 }), snapshot, done('qa', 'failed')).some((intent) => intent.type === 'add_task')).toBe(false);
  });

  it('leaves the merge to a person', () => {
    const intents = advance(context([]), snapshot, done('review', 'approved'));
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', waiting_for: 'merge' }));
    expect(intents).toContainEqual(expect.objectContaining({ kind: 'pull_request_ready', payload: { number: 7, pull_number: 8 } }));
  });

  it('refuses an outcome that the workflow does not know', () => {
    expect(() => advance(context([]), snapshot, done('qa', 'maybe'))).toThrow('has no outcome "maybe"');
  });
});

it('numbers tasks of a phase, so that adding one twice is adding it once', () => {
  expect(enterPhase(context([{ phase: 'qa', input: {} }]), 'qa', { input: {} })).toContainEqual(expect.objectContaining({ key: 'qa:2' }));
});

it('refuses a workflow whose arrows lead nowhere', () => {
  const broken = structuredClone(workflow);
  const qa = broken.phases['qa'];
  if (!qa) throw new Error('no phase qa');
  qa.on['passed'] = { to: 'nowhere' };
  expect(workflowSchema.safeParse(broken).error?.issues[0]?.message).toContain('unknown phase "nowhere"');
});
