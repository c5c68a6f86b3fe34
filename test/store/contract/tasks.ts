import { describe, expect, it } from 'vitest';
import { addInput, addTask, aTaskAtWork, aTicketAtWork, createDesk, openTicket, only, startRun } from '../builders.ts';
import type { Harness } from '../harness.ts';

const NOW = { expectVersion: null, intents: [] };

export function taskContract(use: () => Harness): void {
  describe('claiming tasks', () => {
    it('hands out a task with all that its worker needs, and starts a queued run', async () => {
      const { store } = use();
      const { desk, claimed } = await aTaskAtWork(store, 'w');
      const { project } = await desk.context();
      expect(claimed.project).toEqual(project);
      expect(claimed.ticket).toEqual((await desk.snapshot()).ticket);
      expect(claimed.run).toMatchObject({ state: 'running', config_snapshot: { models: { developer: 'openai:gpt' } } });
      expect(Object.keys(claimed.task).toSorted()).toEqual(
        [
          'attempts',
          'created_at',
          'due_at',
          'error',
          'finished_at',
          'id',
          'input',
          'key',
          'max_attempts',
          'organization_id',
          'output',
          'parent_task_id',
          'phase',
        ]
          .concat(['priority', 'project_id', 'role', 'run_id', 'started_at', 'state', 'ticket_id', 'timeout_seconds', 'title'])
          .concat(['waiting_for', 'waiting_on', 'waiting_since', 'delivery', 'directive'])
          .toSorted(),
      );
      expect(claimed.task).toMatchObject({ key: 'develop:1', state: 'running', attempts: 1, input: { goal: 'develop:1' }, priority: 'medium', output: null });
    });

    it('prefers priority, then what is due longest, in turn between organizations', async () => {
      const { store } = use();
      const many = await aTicketAtWork(store, [addTask('m1'), addTask('m2'), addTask('m3')]);
      const few = await aTicketAtWork(store, [addTask('f1')]);
      await createDesk(store, 13, many.place).deliver([openTicket(13), { type: 'set_ticket', priority: 'critical' }, startRun, addTask('urgent')]);
      const take = async (): Promise<string> => {
        const { tasks } = await store.claim('w', { deliveries: 0, effects: 0, tasks: 1, leaseSeconds: 60 });
        return only(tasks).task.key;
      };
      expect([await take(), await take(), await take(), await take()]).toEqual(['urgent', 'f1', 'm1', 'm2']);
      expect(only((await few.snapshot()).tasks).state).toBe('running');
    });

    it('keeps an organization within its limit, and frees the place of a worker that is gone', async () => {
      const { store, sql } = use();
      const desk = await aTicketAtWork(store, [addTask('a'), addTask('b'), addTask('c')]);
      await sql('update public.organizations set max_concurrent_agents = 2');
      const first = await desk.claim('w');
      expect(first.map(({ task }) => task.key)).toEqual(['a', 'b']);
      await sql(`update public.tasks set lease_expires_at = now() - interval '1 second' where state = 'running'`);
      expect((await desk.claim('x')).map(({ task }) => [task.key, task.attempts])).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
      expect(await desk.claim('y')).toEqual([]);
      await store.completeTask(first[0]?.task.id ?? '', 'x', {}, NOW);
      expect((await desk.claim('y')).map(({ task }) => task.key)).toEqual(['c']);
      await sql('update public.organizations set max_concurrent_agents = null');
      await desk.deliver([addTask('d'), addTask('e')]);
      expect(await desk.claim('y')).toHaveLength(2);
    });

    it('hands out a task beyond its attempts, for its worker to end', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a', { max_attempts: 1 })]);
      await desk.claim('w', 0);
      expect(only(await desk.claim('w')).task).toMatchObject({ attempts: 2, max_attempts: 1 });
    });
  });

  describe('the end of a task', () => {
    it('completes with its successors in one step; a second worker is told that it lost', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const { ticket } = await desk.snapshot();
      const decision = {
        expectVersion: ticket.version,
        intents: [addTask('qa:1', { after: ['develop:1'] }), { type: 'set_ticket' as const, state: 'in_qa' as const }],
      };
      expect(await store.completeTask(taskId, 'other', {}, decision)).toEqual({ status: 'lost' });
      expect(await store.completeTask(taskId, 'w', { summary: 'done' }, decision)).toEqual({ status: 'completed' });
      expect(await store.completeTask(taskId, 'w', {}, NOW)).toEqual({ status: 'lost' });
      const after = await desk.snapshot();
      expect(after.tasks.map(({ key, state }) => [key, state])).toEqual([
        ['develop:1', 'completed'],
        ['qa:1', 'pending'],
      ]);
      expect(after.tasks[0]).toMatchObject({ output: { summary: 'done' }, error: null });
      expect(after.ticket.state).toBe('in_qa');
      expect(after.ticket.version).toBeGreaterThan(ticket.version);
    });

    it('conflicts where a sibling ended meanwhile', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('qa:1'), addTask('review:1')]);
      const [qa, review] = await desk.claim('w');
      const { version } = (await desk.snapshot()).ticket;
      expect(await store.completeTask(qa?.task.id ?? '', 'w', {}, { expectVersion: version, intents: [] })).toEqual({ status: 'completed' });
      expect(await store.completeTask(review?.task.id ?? '', 'w', {}, { expectVersion: version, intents: [] })).toEqual({ status: 'conflict' });
      expect((await desk.snapshot()).tasks[1]?.state).toBe('running');
    });

    it('does not cancel itself with the others', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w', [addTask('next', { delay_seconds: 60 })]);
      await store.suspendTask(taskId, 'w', { waitingFor: 'answers', waitingOn: 'maintainer' }, [{ type: 'cancel_tasks', reason: 'enough' }]);
      expect((await desk.snapshot()).tasks.map(({ state }) => state)).toEqual(['waiting', 'cancelled']);
    });

    it('holds a lease that ran out as long as nobody took it', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store);
      const { task } = only(await desk.claim('w', 0));
      expect((await store.appendMessages(task.id, 'w', [])).status).toBe('ok');
      await desk.claim('x', 0);
      expect((await store.appendMessages(task.id, 'w', [])).status).toBe('lost');
      expect(await store.completeTask(task.id, 'x', {}, NOW)).toEqual({ status: 'completed' });
    });

    it('renews leases and tells each task how it stands', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store);
      const { task } = only(await desk.claim('w', 0));
      const { tasks } = await store.renew('w', { tasks: [task.id], effects: [], deliveries: [] }, 60);
      expect(tasks).toEqual({ [task.id]: { status: 'ok', run_state: 'running', spent_usd: 0, budget_usd: 5, warned: false, inputs: 0 } });
      expect(await desk.claim('x')).toEqual([]);
    });

    it('is given back without counting the attempt', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await store.releaseTask(taskId, 'w', 0);
      expect(only(await desk.claim('x')).task.attempts).toBe(1);
      await store.releaseTask(taskId, 'x', 60);
      expect(await desk.claim('x')).toEqual([]);
    });

    it('is retried after a growing pause, then dead, and its last intents apply', async () => {
      const { store } = use();
      const desk = await aTicketAtWork(store, [addTask('a', { max_attempts: 2 })]);
      const { task } = only(await desk.claim('w'));
      const failure = {
        error: { code: 'model_unavailable' },
        retry: true,
        retryAt: null,
        intentsAtEnd: [{ type: 'set_ticket' as const, state: 'failed' as const }],
      };
      expect(await store.failTask(task.id, 'w', failure)).toEqual({ status: 'retried' });
      const retried = only((await desk.snapshot()).tasks);
      const pause = Date.parse(retried.due_at) - Date.now();
      expect(pause).toBeGreaterThan(1_000);
      expect(pause).toBeLessThan(5_000);
      expect(retried).toMatchObject({ state: 'pending', error: { code: 'model_unavailable' } });

      await use().sql('update public.tasks set due_at = now()');
      await desk.claim('w');
      expect(await store.failTask(task.id, 'w', failure)).toEqual({ status: 'dead' });
      const after = await desk.snapshot();
      expect([only(after.tasks).state, after.ticket.state]).toEqual(['dead', 'failed']);
      expect((await store.health()).tasks_dead).toBe(1);
    });

    it('waits until the time that a limit names', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      const retryAt = new Date(Date.now() + 3_600_000);
      await store.failTask(taskId, 'w', { error: {}, retry: true, retryAt, intentsAtEnd: [] });
      expect(Date.parse(only((await desk.snapshot()).tasks).due_at)).toBe(retryAt.getTime());
    });
  });

  describe("people's words", () => {
    it('wake a waiting task after the pause, counted anew with each, and come once', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await store.suspendTask(taskId, 'w', { waitingFor: 'answers', waitingOn: 'maintainer' }, []);
      expect(only((await desk.snapshot()).tasks)).toMatchObject({ state: 'waiting', waiting_for: 'answers', waiting_on: 'maintainer', attempts: 0 });

      await desk.deliver([addInput('c1', { debounce_seconds: 30 })]);
      const woken = only((await desk.snapshot()).tasks);
      expect(woken).toMatchObject({ state: 'pending', waiting_for: null, waiting_since: null });
      await desk.deliver([addInput('c2', { debounce_seconds: 90 }), addInput('c1')]);
      expect(Date.parse(only((await desk.snapshot()).tasks).due_at)).toBeGreaterThan(Date.parse(woken.due_at));
      await desk.deliver([addInput('c3', { debounce_seconds: 0 })]);

      await desk.claim('x');
      const inputs = await store.pendingInputs(taskId, 'x');
      expect(inputs.map(({ author, body }) => [author, body])).toEqual(['c1', 'c2', 'c3'].map((source) => ['maintainer', `words of ${source}`]));
      expect(await store.pendingInputs(taskId, 'w')).toEqual([]);
    });

    it('keep a task from completing or waiting until they are taken', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w');
      await desk.deliver([addInput('c1')]);
      expect(await store.completeTask(taskId, 'w', {}, { expectVersion: null, intents: [{ type: 'set_ticket', note: 'never' }] })).toEqual({
        status: 'inputs',
      });
      expect(await store.suspendTask(taskId, 'w', { waitingFor: 'x', waitingOn: 'y' }, [])).toEqual({ status: 'inputs' });
      expect((await desk.snapshot()).ticket.note).toBeNull();
      const [input] = await store.pendingInputs(taskId, 'w');
      const message = { kind: 'human' as const, content: { type: 'human', data: { content: input?.body ?? '' } } };
      expect(await store.appendInputs(taskId, 'w', [input?.id ?? ''], [message])).toMatchObject({ status: 'ok', inputs: 0 });
      expect(await store.completeTask(taskId, 'w', {}, NOW)).toEqual({ status: 'completed' });
    });
  });
}
