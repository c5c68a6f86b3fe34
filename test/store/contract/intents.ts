import { describe, expect, it } from 'vitest';
import { addInput, addTask, aTaskAtWork, aTicketAtWork, createDesk, openTicket, startRun } from '../builders.ts';
import type { Harness } from '../harness.ts';

export function intentContract(use: () => Harness): void {
  describe('intents on a ticket and its run', () => {
    it('changes only the fields that are there; null clears; waiting_since follows waiting_for', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([
        openTicket(12),
        {
          type: 'set_ticket',
          state: 'needs_clarification',
          priority: 'high',
          acceptance_criteria: ['a', 'b'],
          waiting_for: 'answers',
          waiting_on: 'maintainer',
          note: 'n',
        },
      ]);
      const first = (await desk.snapshot()).ticket;
      expect(first).toMatchObject({ state: 'needs_clarification', priority: 'high', acceptance_criteria: ['a', 'b'], waiting_for: 'answers', note: 'n' });
      expect(first.waiting_since).not.toBeNull();
      await desk.deliver([{ type: 'set_ticket', refined_description: 'clear', waiting_for: 'answers' }]);
      const second = (await desk.snapshot()).ticket;
      expect(second).toMatchObject({
        state: 'needs_clarification',
        refined_description: 'clear',
        waiting_since: first.waiting_since,
        version: first.version + 1,
      });
      await desk.deliver([{ type: 'set_ticket', waiting_for: null, waiting_on: null, note: null }]);
      expect((await desk.snapshot()).ticket).toMatchObject({ waiting_for: null, waiting_on: null, waiting_since: null, note: null, priority: 'high' });
    });

    it('keeps the branch that the work is made for, and takes none but that of an update', async () => {
      const { store, sql } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12)]);
      expect((await desk.snapshot()).ticket.base_branch).toBeNull();
      await desk.deliver([openTicket(12, { base_branch: 'banyan/template-v0.2.0' })]);
      await desk.deliver([openTicket(12, { title: 'Add two discounts' })]);
      expect((await desk.snapshot()).ticket).toMatchObject({ title: 'Add two discounts', base_branch: 'banyan/template-v0.2.0' });
      await expect(sql(`update public.tickets set base_branch = 'production'`)).rejects.toThrow(/check constraint/);
    });

    it('starts a run and stops an unfinished earlier one with its tasks', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store);
      const before = await desk.snapshot();
      expect(before.run).toMatchObject({ state: 'queued', workflow: 'default', budget_usd: 5, warn_at_usd: 4, spent_usd: 0, finished_at: null });
      await desk.deliver([startRun, addTask('develop:1')]);
      const after = await desk.snapshot();
      expect(after.run?.id).not.toBe(before.run?.id);
      expect([before.first_run_at, after.first_run_at]).toEqual([before.run?.started_at, before.run?.started_at]);
      const rows = await sql<{ state: string }>('select state from public.runs order by id');
      expect(rows.map((row) => row.state)).toEqual(['stopped_user', 'queued']);
      expect(await sql("select 1 from public.tasks where state = 'cancelled'")).toHaveLength(1);
    });

    it('ends, pauses and takes up a run; its snapshot never changes', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store);
      await desk.deliver([{ type: 'set_run', state: 'paused' }]);
      expect(await desk.claim('w')).toEqual([]);
      await desk.deliver([
        { type: 'set_run', state: 'running' },
        { type: 'set_ticket', state: 'paused' },
      ]);
      expect(await desk.claim('w')).toEqual([]);
      await desk.deliver([{ type: 'set_ticket', state: 'in_progress' }]);
      expect(await desk.claim('w')).toHaveLength(1);
      await desk.deliver([{ type: 'set_run', state: 'stopped_budget', stop_reason: 'spent', report: { cost: 5 } }]);
      const { run } = await desk.snapshot();
      expect(run).toMatchObject({ state: 'stopped_budget', stop_reason: 'spent' });
      expect(run?.finished_at).not.toBeNull();
      await expect(sql("update public.runs set config_snapshot = '{}'")).rejects.toMatchObject({ code: 'PT405' });
    });

    it('adds a task once for its key, in the order of its dependencies and priority', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('b', { after: ['a'] }), addTask('later', { delay_seconds: 60 })]);
      const before = await desk.snapshot();
      expect(before.tasks.map((task) => task.key)).toEqual(['a', 'b', 'later']);
      await desk.deliver([addTask('a', { title: 'again' })]);
      const after = await desk.snapshot();
      expect(after.ticket.version).toBe(before.ticket.version);
      expect(after.tasks).toEqual(before.tasks);

      const [claimed] = await desk.claim('w');
      expect(claimed?.task.key).toBe('a');
      expect(await desk.claim('w')).toEqual([]);
      await store.completeTask(claimed?.task.id ?? '', 'w', {}, { expectVersion: null, intents: [] });
      expect((await desk.claim('w')).map(({ task }) => task.key)).toEqual(['b']);
    });

    it('cancels every open task; a running one learns it at its next step', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w', [addTask('next', { delay_seconds: 60 })]);
      await desk.deliver([{ type: 'cancel_tasks', reason: 'stopped by a person' }]);
      expect((await desk.snapshot()).tasks.map((task) => task.state)).toEqual(['cancelled', 'cancelled']);
      expect((await store.appendMessages(taskId, 'w', [])).status).toBe('cancelled');
      expect((await store.renew('w', { tasks: [taskId], effects: [], deliveries: [] }, 60)).tasks[taskId]?.status).toBe('cancelled');
      expect(await store.applyTaskIntents(taskId, 'w', [])).toEqual({ status: 'cancelled' });
      expect(await store.completeTask(taskId, 'w', {}, { expectVersion: null, intents: [] })).toEqual({ status: 'lost' });
      expect((await store.appendMessages(taskId, 'other', [])).status).toBe('lost');
    });
  });

  describe('records', () => {
    it('numbers questions over the whole ticket and closes the open ones', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const ask = (round: number, ...bodies: string[]): Parameters<typeof desk.deliver>[0] => [
        { type: 'ask', task_id: taskId, round, questions: bodies.map((body) => ({ body, assumption: `assume ${body}` })) },
      ];
      await desk.deliver(ask(1, 'which', 'where'));
      await desk.deliver([{ type: 'close_questions', state: 'answered', answered_by: 'maintainer', answer: 'here' }]);
      await desk.deliver(ask(2, 'when'));
      const { questions } = await desk.snapshot();
      expect(questions.map(({ number, round, body, state }) => [number, round, body, state])).toEqual([
        [1, 1, 'which', 'answered'],
        [2, 1, 'where', 'answered'],
        [3, 2, 'when', 'asked'],
      ]);
      expect(questions[0]).toMatchObject({ task_id: taskId, assumption: 'assume which', answered_by: 'maintainer', answer: 'here' });
    });

    it('keeps absent fields of the pull request and takes null as null', async () => {
      const { store } = use();
      const desk = createDesk(store);
      await desk.deliver([openTicket(12), { type: 'set_code', branch: 'feature/12-x', base_branch: 'main', head_sha: 'abc', pr_number: 3 }]);
      await desk.deliver([{ type: 'set_code', status: 'ready', head_sha: null, tests_generated: ['a.test.ts'] }]);
      const { code, ticket } = await desk.snapshot();
      expect(code).toMatchObject({
        ticket_id: ticket.id,
        branch: 'feature/12-x',
        head_sha: null,
        pr_number: 3,
        status: 'ready',
        tests_generated: ['a.test.ts'],
      });
    });

    it('stores validations, artifacts, comments, events and each discovery once, and refuses the task of another ticket', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const discovery = { type: 'discovery', key: 'call-1', task_id: taskId, kind: 'bug', title: 'Leak', description: 'It leaks.' } as const;
      const validation = { type: 'validation', task_id: taskId, kind: 'tests', passed: true, summary: '3 passed', data: { passed: 3 } } as const;
      await store.applyTaskIntents(taskId, 'w', [
        discovery,
        discovery,
        validation,
        { type: 'artifact', task_id: null, kind: 'diff', name: 'patch', content: { diff: '+' } },
        { type: 'task_comment', task_id: taskId, kind: 'metrics', body: 'fast', data: { ms: 3 } },
        { type: 'event', event: 'custom', data: { x: 1 } },
      ]);
      expect((await desk.snapshot()).discoveries).toEqual([{ kind: 'bug', title: 'Leak', description: 'It leaks.' }]);
      expect(await sql('select kind, passed, data from public.validations')).toEqual([{ kind: 'tests', passed: true, data: { passed: 3 } }]);
      expect(await sql('select task_id, content from public.artifacts')).toEqual([{ task_id: null, content: { diff: '+' } }]);
      expect(await sql('select author, body from public.task_comments')).toEqual([{ author: 'developer', body: 'fast' }]);
      expect(await sql("select data from public.events where task_id = $1 and type = 'custom'", [taskId])).toEqual([{ data: { x: 1 } }]);

      const other = createDesk(store);
      await expect(other.deliver([openTicket(12), validation])).rejects.toMatchObject({ data: { sqlstate: 'PT404' } });
    });

    it('writes an event for each change of state, in order', async () => {
      const { store, sql } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await desk.deliver([{ type: 'set_ticket', state: 'in_progress' }, addInput('c1')]);
      await store.failTask(taskId, 'w', { error: { code: 'x' }, retry: false, retryAt: null, intentsAtEnd: [{ type: 'set_run', state: 'failed' }] });
      await desk.deliver([addInput('c2')]);
      const { ticket } = await desk.snapshot();
      const rows = await sql<{ type: string }>('select type from public.events where ticket_id = $1 order by id', [ticket.id]);
      expect(rows.map((row) => row.type)).toEqual([
        'ticket.opened',
        'run.started',
        'task.added',
        'run.state_changed',
        'task.started',
        'ticket.state_changed',
        'task.failed',
        'run.state_changed',
        'input.dropped',
      ]);
      await expect(sql('delete from public.events where ticket_id = $1', [ticket.id])).rejects.toMatchObject({ code: 'PT405' });
    });
  });
}
