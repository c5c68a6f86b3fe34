import { describe, expect, it } from 'vitest';
import type { Intent } from '../../../src/domain/intents.ts';
import { addTask, aiMessage, aTaskAtWork, only, openTicket, startRun, toolMessage } from '../builders.ts';
import type { Desk } from '../builders.ts';
import type { Harness } from '../harness.ts';

export function diagnosesContract(use: () => Harness): void {
  describe('what is wrong with a run', () => {
    const runOf = async (desk: Desk) => (await desk.snapshot()).run!.id;

    it('is told in one call, and no more when another run took its place', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w', [addTask('qa:1', { after: ['develop:1'] })]);
      const call = toolMessage({ is_error: true });
      await store.appendMessages(taskId, 'w', [aiMessage(), call, aiMessage(), call, aiMessage(), call]);
      const run = await runOf(desk);
      const facts = await store.diagnosisFacts(run, null, null);
      expect(facts).toMatchObject({
        task_id: taskId,
        snapshot: { ticket: { number: 12 }, run: { id: run, recovery: {} } },
        conversation: { last_seq: 6, messages: [{ seq: 1, kind: 'ai' }, {}, {}, {}, {}, { seq: 6, tool: 'read_file', is_error: true }] },
        blockers: [{ task: 'qa:1', before: 'develop:1', state: 'running' }],
        queue: { limited: false, running: 1, ready: 0 },
        deaths: null,
        in_run: [],
      });
      expect(facts?.conversation?.failed).toHaveLength(3);
      expect(facts?.conversation?.repeated).toMatchObject([{ name: 'read_file', times: 3, first_seq: 2, last_seq: 6 }]);
      await desk.deliver([startRun]);
      expect(await store.diagnosisFacts(run, taskId, null)).toBeNull();
    });

    it('is mended only while it still stands still', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await store.appendMessages(taskId, 'w', [aiMessage()]);
      const directive = { type: 'roll_back' as const, from_seq: 1, at_seq: 1, reason: 'circles' };
      const recover = (lastSeq: number | null): Intent => ({ type: 'recover_task', task_id: taskId, last_seq: lastSeq, directive });
      await expect(store.applyTaskIntents(taskId, 'w', [recover(0)])).rejects.toMatchObject({ code: 'conflict' });
      expect(only((await desk.snapshot()).tasks)).toMatchObject({ state: 'running', attempts: 1 });
      await desk.deliver([recover(1), { type: 'set_model', role: 'developer', model: 'openai:other' }]);
      expect(await store.appendMessages(taskId, 'w', [aiMessage()])).toMatchObject({ status: 'lost' });
      expect(only(await desk.claim('v'))).toMatchObject({
        task: { id: taskId, attempts: 1, directive },
        run: { recovery: { models: { developer: 'openai:other' } } },
      });
      await store.completeTask(taskId, 'v', {}, { expectVersion: null, intents: [] });
      await expect(desk.deliver([recover(null)])).rejects.toMatchObject({ code: 'conflict' });
    });

    it('and what was tried is settled by what came of it, and learned from elsewhere', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const run = await runOf(desk);
      const tried = (action: 'retry' | 'ask_person'): Intent => ({
        type: 'diagnosis',
        kind: 'stall',
        run_id: run,
        task_id: taskId,
        cause: 'silent',
        signature: 'silent/developer/build/none',
        score: null,
        evidence: [{ id: 'stall', kind: 'stall', text: 'silent' }],
        hypothesis: 'It hangs.',
        action,
        recovery_key: 'develop:1',
      });
      await desk.deliver([tried('retry')]);
      expect(await store.settleDiagnoses(100)).toBe(0);
      await store.appendMessages(taskId, 'w', [aiMessage()]);
      expect(await store.settleDiagnoses(100)).toBe(1);
      await desk.deliver([tried('retry')]);
      await desk.deliver([tried('ask_person'), { type: 'set_run', state: 'failed' }]);
      const rows = await sql('select action, state, outcome, recovery_task_id from diagnoses where run_id = $1 order by id', [run]);
      expect(rows).toEqual([
        { action: 'retry', state: 'resolved', outcome: 'helped', recovery_task_id: taskId },
        { action: 'retry', state: 'dismissed', outcome: 'failed', recovery_task_id: taskId },
        { action: 'ask_person', state: 'dismissed', outcome: null, recovery_task_id: taskId },
      ]);
      // The same organization, another run.
      await desk.deliver([openTicket(12), startRun, addTask('develop:1')]);
      const facts = await store.diagnosisFacts(await runOf(desk), null, null);
      expect(facts?.past.map(({ action, outcome }) => [action, outcome])).toEqual([
        ['retry', 'failed'],
        ['retry', 'helped'],
      ]);
    });

    it('costs the run what a model took to say it', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await store.spendOnDiagnosis(taskId, { model: 'openai:x', output: '[]', tokens_in: 900, tokens_out: 50, cost_usd: 0.25, duration_ms: 1200.5 });
      expect((await desk.snapshot()).run?.spent_usd).toBe(0.25);
    });
  });
}
