import { describe, expect, it } from 'vitest';
import { addTask, aiMessage, aTaskAtWork, toolMessage } from '../builders.ts';
import type { Harness } from '../harness.ts';

const NOTE = { kind: 'human' as const, content: { type: 'human', data: { content: 'Undone.' } } };
const rollback = (from: number, to: number) => ({ from_seq: from, to_seq: to, reason: 'errors', comment: 'Went back.', data: { times: 4 } });
const file = (path: string, text: string) => ({ path, change: { path, mode: '100644', content: text } });

export function rollbackContract(use: () => Harness): void {
  describe('the files of a conversation', () => {
    it('are kept by step, and come back as they newest are', async () => {
      const { store } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      const long = `${'folder/'.repeat(500)}c.txt`;
      await store.appendMessages(taskId, 'w', [aiMessage()], {
        workspace: { revision: 'r' },
        changed: [file('b', '1'), file('a', '1'), file(long, '1')],
        keepSeq: 0,
      });
      await store.appendMessages(taskId, 'w', [toolMessage()], { changed: [file('a', '2'), { path: 'b', change: null }], keepSeq: 0 });
      await store.appendMessages(taskId, 'w', [toolMessage()]);
      const { files, workspace } = await store.loadConversation(taskId, 'w');
      expect(files).toEqual([file('a', '2').change, file(long, '1').change]);
      expect(workspace).toEqual({ revision: 'r' });
    });

    it('lose the versions that no rollback can need, and only those', async () => {
      const { store, sql } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      await store.appendMessages(taskId, 'w', [aiMessage()], { changed: [file('kept', '1')], keepSeq: 0 });
      for (let step = 2; step <= 20; step += 1) {
        await store.appendMessages(taskId, 'w', [toolMessage()], { changed: [file('a', String(step))], keepSeq: step - 5 });
      }
      const rows = await sql<{ path: string; seq: number }>('select path, seq from public.workspace_files order by path desc, seq');
      expect(rows).toEqual([{ path: 'kept', seq: 1 }, ...[15, 16, 17, 18, 19, 20].map((seq) => ({ path: 'a', seq }))]);
    });

    it('go when the workspace is cleared', async () => {
      const { store, sql } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      await store.appendMessages(taskId, 'w', [aiMessage()], { workspace: { revision: 'r' }, changed: [file('a', '1')] });
      await sql('update public.conversations set workspace = null where task_id = $1', [taskId]);
      expect(await store.loadConversation(taskId, 'w')).toMatchObject({ files: [], workspace: null });
    });

    it('of an older version, in one document, are taken over', async () => {
      const { store, sql } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      await store.appendMessages(taskId, 'w', [aiMessage()], { workspace: { revision: 'r', changes: [file('a', '1').change] } });
      for (let time = 0; time < 2; time += 1) {
        expect(await store.loadConversation(taskId, 'w')).toMatchObject({ files: [file('a', '1').change], workspace: { revision: 'r' } });
      }
      expect(await sql("select workspace ? 'changes' as old from public.conversations where task_id = $1", [taskId])).toEqual([{ old: false }]);
    });
  });

  describe('a rollback', () => {
    it('hides steps and what they changed, keeps what they cost, and says so', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await store.appendMessages(taskId, 'w', [aiMessage(), toolMessage()], { workspace: { revision: 'r' }, changed: [file('a', '1')], keepSeq: 0 });
      await store.appendMessages(taskId, 'w', [aiMessage(), toolMessage()], { changed: [file('a', '2'), file('b', '2')], keepSeq: 0 });
      expect(await store.rollBack(taskId, 'w', rollback(3, 4), [NOTE])).toMatchObject({ status: 'ok', spent_usd: 0.2 });
      const { messages, files, rollbacks } = await store.loadConversation(taskId, 'w');
      expect(messages.map(({ seq, kind }) => `${seq} ${kind}`)).toEqual(['1 ai', '2 tool', '3 ai', '4 tool', '5 human']);
      expect(rollbacks).toEqual([{ from_seq: 3, to_seq: 4, reason: 'errors' }]);
      expect(files).toEqual([file('a', '1').change]);
      expect(await sql("select data from public.events where type = 'conversation.rolled_back' and task_id = $1", [taskId])).toMatchObject([
        { data: { from_seq: 3, to_seq: 4, reason: 'errors', times: 4 } },
      ]);
      expect(await sql('select kind, author, body from public.task_comments where task_id = $1', [taskId])).toEqual([
        { kind: 'rollback', author: 'developer', body: 'Went back.' },
      ]);
      expect((await desk.snapshot()).spend).toMatchObject([{ model_calls: 2, tool_calls: 2, cost_usd: 0.2 }]);
    });

    it('is nobody’s who lost the lease, and conflicts where the conversation has gone on', async () => {
      const { store, sql } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      await store.appendMessages(taskId, 'w', [aiMessage(), toolMessage(), aiMessage()]);
      expect(await store.rollBack(taskId, 'other', rollback(2, 3), [NOTE])).toMatchObject({ status: 'lost' });
      await expect(store.rollBack(taskId, 'w', rollback(1, 2), [NOTE])).rejects.toMatchObject({ code: 'conflict' });
      expect(await sql('select 1 from public.rollbacks')).toEqual([]);
      expect((await store.loadConversation(taskId, 'w')).messages).toHaveLength(3);
    });
  });

  describe('control of what is at work', () => {
    it('a look says how tasks stand and renews nothing', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const lease = () => sql('select lease_expires_at from public.tasks where id = $1', [taskId]);
      const before = await lease();
      expect(await store.look('w', [taskId])).toMatchObject({ [taskId]: { status: 'ok', run_state: 'running' } });
      await desk.deliver([{ type: 'set_run', state: 'paused' }]);
      expect(await store.look('w', [taskId])).toMatchObject({ [taskId]: { status: 'ok', run_state: 'paused' } });
      expect(await store.look('other', [taskId])).toMatchObject({ [taskId]: { status: 'lost' } });
      expect(await lease()).toEqual(before);
      expect(await store.look('w', [])).toEqual({});
    });

    it('a higher budget brings back what the budget ended, and nothing else', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w', [addTask('later', { delay_seconds: 60 }), addTask('dropped', { delay_seconds: 60 })]);
      const other = (await desk.snapshot()).tasks.find((task) => task.key === 'dropped')?.id ?? '';
      await use().sql("update public.tasks set state = 'failed', error = '{}' where id = $1", [other]);
      await store.failTask(taskId, 'w', {
        error: { code: 'limit_reached', data: { limit: 'budget' } },
        retry: false,
        retryAt: null,
        intentsAtEnd: [
          { type: 'set_run', state: 'stopped_budget' },
          { type: 'cancel_tasks', reason: 'budget' },
        ],
      });
      const states = async () => (await desk.snapshot()).tasks.map(({ key, state }) => `${key} ${state}`);
      expect(await states()).toEqual(['develop:1 failed', 'later cancelled', 'dropped failed']);
      await desk.deliver([{ type: 'set_run', state: 'running', budget_usd: 20, warn_at_usd: 16 }]);
      expect(await states()).toEqual(['develop:1 pending', 'later pending', 'dropped failed']);
      expect((await desk.snapshot()).run).toMatchObject({ state: 'running', budget_usd: 20, warn_at_usd: 16, warned_at: null, finished_at: null });
      expect((await desk.claim('x')).map(({ task }) => task.key)).toEqual(['develop:1', 'later']);
    });
  });
}
