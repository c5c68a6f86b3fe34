import { describe, expect, it } from 'vitest';
import type { Intent } from '../../../src/domain/intents.ts';
import { addTask, aiMessage, createDesk, only, openTicket, startRun, toolMessage } from '../builders.ts';
import type { Desk } from '../builders.ts';
import type { Harness } from '../harness.ts';

export function guardianContract(use: () => Harness): void {
  describe('what the guardian reads and says', () => {
    async function atWork(): Promise<{ desk: Desk; taskId: string }> {
      const desk = createDesk(use().store);
      await desk.deliver([openTicket(12), startRun, addTask('develop:1')]);
      return { desk, taskId: only(await desk.claim('w')).task.id };
    }
    const steer = (taskId: string, number = 1): Intent => ({ type: 'steer', task_id: taskId, number, finding: 'loop@7', body: 'Take another way.' });
    const REFUSED = { type: 'tool', data: { content: 'no', additional_kwargs: { banyan_refusal: 'path_protected' } } };

    it('is what came after a step: the calls, what was refused, and the files', async () => {
      const { store } = use();
      const { taskId } = await atWork();
      const changed = [{ path: 'a.ts', change: { path: 'a.ts', content: 'x' } }];
      await store.appendMessages(taskId, 'w', [aiMessage(), toolMessage({ tool_name: 'write_file', tool_input: { path: 'a.ts' } })], { changed, keepSeq: 0 });
      const calls = [toolMessage(), toolMessage(), toolMessage({ tool_input: { path: 'b' }, is_error: true, content: REFUSED })];
      await store.appendMessages(taskId, 'w', [aiMessage(), ...calls]);
      const facts = await store.guardianFacts(taskId, 2);
      expect(facts).toMatchObject({ task: { id: taskId, role: 'developer' }, changed: [], files: [{ path: 'a.ts' }], run: { budget_usd: 5 } });
      expect(facts?.steps.map(({ seq, tool, input, refusal }) => [seq, tool, input, refusal])).toEqual([
        [3, null, null, null],
        [4, 'read_file', 'README.md', null],
        [5, 'read_file', 'README.md', null],
        [6, 'read_file', 'b', 'path_protected'],
      ]);
      const [, one, same, other] = facts?.steps ?? [];
      expect(one?.key).toBe(same?.key);
      expect(other?.key).not.toBe(one?.key);
      expect((await store.guardianFacts(taskId, 0))?.changed).toEqual([2]);
    });

    it('is nothing of a task that is not at work', async () => {
      const { store } = use();
      const { desk, taskId } = await atWork();
      await store.appendMessages(taskId, 'w', [aiMessage()]);
      await desk.deliver([{ type: 'set_run', state: 'paused', stop_reason: 'for now' }]);
      expect(await store.guardianFacts(taskId, 0)).toBeNull();
      expect(await store.watchClaim('guardian', 10, 60)).toEqual([]);
    });

    it('is said to a task at work once, and wakes none that waits', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await atWork();
      const { version } = (await desk.snapshot()).ticket;
      await desk.deliver([steer(taskId), steer(taskId), steer(taskId, 2)]);
      expect(await store.pendingInputs(taskId, 'w')).toMatchObject([
        { source: `guardian:${taskId}/1`, author: 'banyan', body: 'Take another way.' },
        { source: `guardian:${taskId}/2` },
      ]);
      // Nobody's decision about the ticket is overtaken by it.
      expect((await desk.snapshot()).ticket.version).toBe(version);
      await sql('update task_inputs set taken_at = now()');
      await store.suspendTask(taskId, 'w', { waitingFor: 'answers', waitingOn: 'visitor' }, []);
      await desk.deliver([steer(taskId, 3)]);
      expect((await desk.snapshot()).tasks[0]?.state).toBe('waiting');
      expect(await sql('select from task_inputs')).toHaveLength(2);
    });

    it('costs the run what it cost', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await atWork();
      const spend = { model: 'openai:small', output: '{}', tokens_in: 100, tokens_out: 5, cost_usd: 0.25, duration_ms: 12.5 };
      await store.spendBeside(taskId, 'guardian', spend);
      expect(Number((await desk.snapshot()).run?.spent_usd)).toBe(0.25);
      expect(await sql(`select agent, name, tokens_in::int as tokens from agent_actions`)).toEqual([{ agent: 'guardian', name: 'openai:small', tokens: 100 }]);
      await store.spendBeside('00000000-0000-0000-0000-000000000000', 'guardian', spend);
    });
  });
}
