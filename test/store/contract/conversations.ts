import { describe, expect, it } from 'vitest';
import { addTask, aiMessage, aTaskAtWork, toolMessage } from '../builders.ts';
import type { Harness } from '../harness.ts';

export function conversationContract(use: () => Harness): void {
  describe('conversation', () => {
    it('gives back its steps as they were appended, and the workspace as it last was', async () => {
      const { store } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      expect(await store.loadConversation(taskId, 'w')).toMatchObject({ messages: [], workspace: null, gate: { status: 'ok' } });
      const odd = { type: 'human', data: { content: 'half \ud800, none \0, null:', kept: null } };
      await store.appendMessages(taskId, 'w', [{ kind: 'human', content: odd }, aiMessage()], { workspace: { files: { a: null } } });
      await store.appendMessages(taskId, 'w', [toolMessage({ is_error: true })]);
      const { messages, workspace } = await store.loadConversation(taskId, 'w');
      expect(messages.map(({ seq, kind }) => [seq, kind])).toEqual([
        [1, 'human'],
        [2, 'ai'],
        [3, 'tool'],
      ]);
      expect(messages[0]).toEqual({
        seq: 1,
        kind: 'human',
        content: { type: 'human', data: { content: 'half \ufffd, none \ufffd, null:', kept: null } },
        created_at: messages[0]?.created_at,
      });
      expect(messages[1]).toMatchObject({ ...aiMessage(), duration_ms: 13 });
      expect(messages[2]).toMatchObject(toolMessage({ is_error: true }));
      expect(workspace).toEqual({ files: { a: null } });
    });

    it('stores nothing for who lost the lease, and shows nothing', async () => {
      const { store, sql } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      expect((await store.appendMessages(taskId, 'other', [aiMessage()])).status).toBe('lost');
      expect(await store.loadConversation(taskId, 'other')).toMatchObject({ messages: [], gate: { status: 'lost' } });
      expect(await sql('select 1 from public.messages')).toEqual([]);
    });

    it('adds up cost exactly, warns once, and sums it by role', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w', [addTask('qa:1', { role: 'qa', delay_seconds: 60 })]);
      const three = [aiMessage({ cost_usd: 0.1 }), toolMessage(), aiMessage({ cost_usd: 0.2 })];
      expect(await store.appendMessages(taskId, 'w', three)).toEqual({
        status: 'ok',
        run_state: 'running',
        spent_usd: 0.3,
        budget_usd: 5,
        warned: false,
        inputs: 0,
      });
      expect(await store.appendMessages(taskId, 'w', [aiMessage({ cost_usd: 3.7, model: 'anthropic:c' })])).toMatchObject({ spent_usd: 4, warned: true });
      await store.appendMessages(taskId, 'w', [aiMessage({ cost_usd: 1e-7 })]);
      const snapshot = await desk.snapshot();
      expect(snapshot.run).toMatchObject({ spent_usd: 4.0000001 });
      expect(snapshot.spend).toEqual([
        {
          role: 'developer',
          model_calls: 4,
          tool_calls: 1,
          tokens_in: 400,
          tokens_out: 40,
          cost_usd: 4.0000001,
          duration_ms: 55,
          models: ['anthropic:c', 'openai:gpt'],
        },
      ]);
      expect(await sql("select 1 from public.events where type = 'run.budget_warning' and task_id = $1", [taskId])).toHaveLength(1);
    });

    it('counts the call during which its task was cancelled', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await desk.deliver([{ type: 'cancel_tasks', reason: 'stop' }]);
      expect(await store.appendMessages(taskId, 'w', [aiMessage({ cost_usd: 0.5 })])).toMatchObject({ status: 'cancelled', spent_usd: 0.5 });
    });

    it('makes every model and tool call a row: who, what, input, output cut', async () => {
      const { store, sql } = use();
      const { taskId } = await aTaskAtWork(store, 'w');
      const long = { type: 'tool', data: { content: 'x'.repeat(10_000), tool_call_id: 'call-1' } };
      await store.appendMessages(taskId, 'w', [
        { kind: 'system', content: { type: 'system', data: { content: 'be good' } } },
        aiMessage({ content: { type: 'ai', data: { content: '', tool_calls: [{ name: 'read_file' }] } } }),
        toolMessage({ content: long }),
      ]);
      const rows = await sql<{ output: string }>('select agent, kind, name, input, output, seq from public.agent_actions order by id');
      expect(rows.map((row) => ({ ...row, output: row.output.length }))).toEqual([
        { agent: 'developer', kind: 'model', name: 'openai:gpt', input: null, output: '[{"name": "read_file"}]'.length, seq: 2 },
        { agent: 'developer', kind: 'tool', name: 'read_file', input: '{"path": "README.md"}', output: 4096, seq: 3 },
      ]);
    });
  });
}
