import { describe, expect, it } from 'vitest';
import { labelNames } from './labels.ts';
import type { CodeGeneration, Run, Ticket, TicketSnapshot, TicketState } from './model.ts';
import { reconcile } from './reconcile.ts';
import type { Truth } from './reconcile.ts';

const run = { state: 'running' } as Run;
const context = { source: 'reconcile/1', labels: labelNames({ blocked: 'stuck' }), statusComment: 7 };
const healthy: Truth = {
  issue: { closed: false, closedBy: null, labels: ['in-review', 'bug'] },
  pull: { state: 'open', closedBy: null, url: 'u' },
  statusComments: [7],
};

function snapshotOf(state: TicketState, changes: Partial<TicketSnapshot> = {}): TicketSnapshot {
  const ticket = { id: 't', project_id: 'p', number: 12, state } as Ticket;
  const code = { pr_number: 13 } as CodeGeneration;
  return { ticket, run, code, tasks: [], questions: [], spend: [], first_run_at: null, discoveries: [], ...changes };
}

const finding = (state: TicketState, truth: Partial<Truth>, changes: Partial<TicketSnapshot> = {}) =>
  reconcile(snapshotOf(state, changes), { ...healthy, ...truth }, context)?.finding ?? null;
const labelled = (...labels: string[]): Partial<Truth> => ({ issue: { closed: false, closedBy: null, labels } });

describe('a ticket beside GitHub', () => {
  it('is well where both say the same, whatever other labels there are', () => {
    expect(finding('in_review', {})).toBeNull();
    expect(finding('analyzing', labelled('bug'))).toBeNull();
    expect(finding('blocked', labelled('stuck'))).toBeNull();
    expect(finding('in_progress', labelled('paused'), { run: { state: 'paused' } as Run })).toBeNull();
    expect(finding('in_review', { statusComments: null })).toBeNull();
  });

  it('that is over is nobody’s concern', () => {
    for (const state of ['done', 'cancelled'] as const) expect(finding(state, { issue: null, pull: null })).toBeNull();
  });

  it('differs by its label: missing, another, or two of them', () => {
    expect(finding('in_review', labelled())).toBe('label');
    expect(finding('in_review', labelled('in-qa'))).toBe('label');
    expect(finding('in_review', labelled('in-qa', 'in-review'))).toBe('label');
    expect(finding('analyzing', labelled('done'))).toBe('label');
  });

  it('differs by its status comment', () => {
    expect(finding('in_review', { statusComments: [] })).toBe('status_missing');
    expect(finding('in_review', { statusComments: [9] })).toBe('status_missing');
    const doubled = reconcile(snapshotOf('in_review'), { ...healthy, statusComments: [7, 9, 11] }, context);
    expect(doubled?.intents.map((intent) => intent.type === 'effect' && intent.payload['comment_id'])).toEqual([9, 11]);
  });

  it('has ended: a merge counts before everything else', () => {
    const closed = { issue: { closed: true, closedBy: null, labels: [] } };
    expect(finding('in_review', { ...closed, pull: { state: 'merged', closedBy: null, url: 'u' } })).toBe('pull_merged');
    expect(finding('in_review', closed)).toBe('issue_closed');
    expect(finding('in_review', { issue: null })).toBe('issue_gone');
    expect(finding('failed', { ...labelled('needs-human'), pull: { state: 'closed', closedBy: 'maintainer', url: 'u' } })).toBe('pull_closed');
  });

  it('whose work never began has no run to end', () => {
    const found = reconcile(snapshotOf('awaiting_approval', { run: null, code: null }), { ...healthy, issue: null, pull: null }, context);
    expect(found?.intents.map(({ type }) => type)).toEqual(['cancel_tasks', 'close_questions', 'set_ticket']);
  });
});
