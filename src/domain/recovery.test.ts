import { describe, expect, it } from 'vitest';
import type { Case, Facts, Proposal } from './diagnosis.ts';
import { gatherEvidence } from './evidence.ts';
import type { Intent } from './intents.ts';
import type { Task, TicketSnapshot } from './model.ts';
import { recover } from './recovery.ts';
import type { Asked } from './recovery.ts';
import { WORKFLOWS } from './workflows.generated.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const SINCE = '2026-11-22T11:00:00Z';
const ASKED: Asked = { model: 'openai:x', costUsd: 0.01, tokensIn: 900, tokensOut: 50, durationMs: 800, action: 'stop', refused: null };

function aCase(): Case {
  const task = { id: 't1', key: 'develop:1', role: 'developer', phase: 'develop', title: 'Build the change', state: 'running', input: {}, error: null };
  const facts = {
    snapshot: {
      ticket: { id: 'k1', number: 7, state: 'in_progress', waiting_for: null },
      run: { id: 'r1', spent_usd: 1, budget_usd: 5 },
      tasks: [{ ...task, attempts: 1, max_attempts: 5, due_at: SINCE } as unknown as Task],
    } as unknown as TicketSnapshot,
    task_id: 't1',
    lease: null,
    conversation: null,
    graph: { tasks: [], edges: [] },
    blockers: [],
    queue: { limited: false, max_agents: null, running: 1, ready: 0 },
    deaths: null,
    anomaly: null,
    in_run: [],
    past: [],
  } satisfies Facts;
  return { stall: 'silent', since: SINCE, facts, otherModels: [] };
}

function decide(proposal: Proposal, asked: Asked | null = ASKED): { intents: Intent[]; deed: string } {
  const given = aCase();
  const evidence = gatherEvidence(given, NOW);
  const diagnosis = {
    given,
    proposal,
    hypothesis: 'Too much at once: @everyone <!-- banyan:x:y --> [help](https://evil.example) acme/other#1.',
    refersTo: ['stall', 'task'],
    evidence,
    asked,
  };
  const workflow = WORKFLOWS['default']!;
  return recover(diagnosis, { at: { projectId: 'p1', number: 7 }, workflow, maxMinutes: null, now: NOW });
}

const types = (intents: Intent[]) => intents.map(({ type }) => type);
const comments = (intents: Intent[]) =>
  intents.flatMap((intent) => (intent.type === 'effect' && intent.kind === 'comment' ? [intent.payload['body'] as string] : []));

describe('what is done', () => {
  it('to stop: the run ends with a report, and a person is told', () => {
    const { intents, deed } = decide({ action: 'stop' });
    expect(deed).toBe('stopped');
    expect(intents.filter(({ type }) => type === 'set_run')).toEqual([
      {
        type: 'set_run',
        state: 'stopped_gate',
        stop_reason: 'diagnosis',
        report: expect.objectContaining({
          hypothesis: expect.any(String),
          evidence: [expect.objectContaining({ id: 'stall' }), expect.objectContaining({ id: 'task' })],
        }),
      },
    ]);
    expect(intents).toContainEqual(expect.objectContaining({ type: 'set_ticket', state: 'failed' }));
    expect(comments(intents)).toHaveLength(1);
  });

  it.each(['split', 're_plan'] as const)('to %s: the open work ends and the Product Owner begins, through the gates of the workflow', (action) => {
    const { intents } = decide({ action });
    expect(types(intents).slice(0, 3)).toEqual(['cancel_tasks', 'set_ticket', 'add_task']);
    expect(intents).toContainEqual(
      expect.objectContaining({ type: 'add_task', key: 'analyze:1', role: 'product-owner', input: expect.objectContaining({ from: 'diagnosis', action }) }),
    );
    expect(intents.at(-1)).toMatchObject({ type: 'diagnosis', action, recovery_key: 'analyze:1' });
    expect(comments(intents)).toEqual([]);
  });

  it('is audited, with what the model said and what it cost', () => {
    const { intents } = decide({ action: 'retry' }, { ...ASKED, refused: 'it rests on no evidence' });
    expect(intents.at(-1)).toMatchObject({
      type: 'diagnosis',
      kind: 'stall',
      run_id: 'r1',
      task_id: 't1',
      signature: 'silent/developer/develop/none',
      recovery_key: 'develop:1',
      cost_usd: 0.01,
      proposal: { refused: 'it rests on no evidence', tokens_in: 900 },
    });
    expect(intents).toContainEqual(expect.objectContaining({ type: 'task_comment', kind: 'diagnosis', data: expect.objectContaining({ model: null }) }));
  });

  it("quotes a model's words, so that they notify nobody and forge no marker", () => {
    const [body = ''] = comments(decide({ action: 'ask_person' }).intents);
    expect(body).toContain('What I think: Too much at once');
    expect(body).not.toMatch(/@everyone|<!--/);
    expect(comments(decide({ action: 'ask_person' }, null).intents)[0]).not.toContain('What I think');
  });
});
