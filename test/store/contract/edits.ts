import { describe, expect, it } from 'vitest';
import type { Intent } from '../../../src/domain/intents.ts';
import { addInput, addTask, aTaskAtWork, only } from '../builders.ts';
import type { Desk } from '../builders.ts';
import type { Harness } from '../harness.ts';

const QUESTIONS = [{ body: 'How?', assumption: null }];

function edit(source: string, body: string, changes: Partial<Extract<Intent, { type: 'edit_input' }>> = {}): Intent {
  return { type: 'edit_input', source, revision: 'r1', author: 'maintainer', body, debounce_seconds: 60, heard: true, woken: [], ...changes };
}

function drop(source: string, unheard: Intent[] = []): Intent {
  return { type: 'drop_input', source, waiting_for: 'answers', waiting_on: 'author', unheard };
}

export function editContract(use: () => Harness): void {
  /** A task that has asked and waits. */
  async function waiting(): Promise<{ desk: Desk; taskId: string }> {
    const { store } = use();
    const { desk, taskId } = await aTaskAtWork(store, 'w');
    await store.suspendTask(taskId, 'w', { waitingFor: 'answers', waitingOn: 'author' }, [{ type: 'ask', task_id: taskId, round: 1, questions: QUESTIONS }]);
    return { desk, taskId };
  }
  const answer = (source: string, body: string, debounce = 60): Intent[] => [
    addInput(source, { body, debounce_seconds: debounce }),
    { type: 'close_questions', state: 'answered', answered_by: 'maintainer', answer: body },
  ];
  const dueNow = () => use().sql(`update public.tasks set due_at = now() - interval '1 second' where state = 'pending'`);
  const dueIn = async (taskId: string): Promise<number> => {
    const [row] = await use().sql<{ seconds: number }>('select extract(epoch from due_at - now())::float as seconds from public.tasks where id = $1', [taskId]);
    return row?.seconds ?? 0;
  };

  describe('words that change', () => {
    it('before they are taken: the new text counts, the wait begins anew, and the answer is what it says', async () => {
      const { store } = use();
      const { desk, taskId } = await waiting();
      await desk.deliver(answer('comment:1', 'warmly'));
      await dueNow();
      await desk.deliver([edit('comment:1', 'very warmly')]);
      expect(await dueIn(taskId)).toBeGreaterThan(30);
      expect((await desk.snapshot()).questions).toMatchObject([{ state: 'answered', answer: 'very warmly' }]);
      await dueNow();
      await desk.claim('w');
      expect(await store.pendingInputs(taskId, 'w')).toMatchObject([{ source: 'comment:1', body: 'very warmly' }]);
    });

    it('after they were taken come again, once for each revision, and not where nobody listens', async () => {
      const { store } = use();
      const { desk, taskId } = await waiting();
      await desk.deliver(answer('comment:1', 'warmly', 0));
      await desk.claim('w');
      const [input] = await store.pendingInputs(taskId, 'w');
      await store.appendInputs(taskId, 'w', [input?.id ?? ''], []);
      await desk.deliver([edit('comment:1', 'coolly', { heard: false })]);
      expect(await store.pendingInputs(taskId, 'w')).toEqual([]);
      await desk.deliver([edit('comment:1', 'hotly')]);
      await desk.deliver([edit('comment:1', 'hotly')]);
      await desk.deliver([edit('comment:1', 'hotly', { revision: 'r2' })]);
      const heard = only(await store.pendingInputs(taskId, 'w'));
      expect([heard.source, heard.body]).toEqual(['comment:1@r1', 'This comment was edited. It now reads:\n\nhotly']);
    });

    it('wake a task that waits, and only then is applied what follows from waking', async () => {
      const { desk } = await waiting();
      const woken: Intent[] = [{ type: 'set_ticket', state: 'analyzing', waiting_for: null, waiting_on: null }];
      await desk.deliver([{ type: 'set_ticket', state: 'needs_clarification' }, ...answer('comment:1', 'warmly')]);
      await desk.deliver([edit('comment:1', 'warmer', { woken })]);
      await desk.deliver([edit('comment:9', 'never an input', { woken })]);
      expect((await desk.snapshot()).ticket.state).toBe('needs_clarification');
      await use().sql(`update public.task_inputs set taken_at = now()`);
      await use().sql(`update public.tasks set state = 'waiting', waiting_for = 'answers', collecting = false`);
      await desk.deliver([edit('comment:1', 'hot', { woken })]);
      const { ticket, tasks } = await desk.snapshot();
      expect([ticket.state, tasks[0]?.state]).toEqual(['analyzing', 'pending']);
    });

    it('and are deleted: all that woke a task makes it wait again, its questions open', async () => {
      const { store } = use();
      const { desk, taskId } = await waiting();
      await desk.deliver([{ type: 'set_ticket', state: 'analyzing' }, ...answer('comment:1', 'warmly')]);
      await desk.deliver([drop('comment:1', [{ type: 'set_ticket', state: 'needs_clarification' }])]);
      const { ticket, tasks, questions } = await desk.snapshot();
      expect(ticket.state).toBe('needs_clarification');
      expect(tasks).toMatchObject([{ id: taskId, state: 'waiting', waiting_for: 'answers', waiting_on: 'author' }]);
      expect(questions).toMatchObject([{ state: 'asked', answer: null, answered_by: null }]);
      await dueNow();
      expect(await desk.claim('w')).toEqual([]);
      // The same words once more, as a new comment: they wake it as ever.
      await desk.deliver(answer('comment:2', 'warmly', 0));
      expect(only(await desk.claim('w')).task.id).toBe(taskId);
      expect(await store.pendingInputs(taskId, 'w')).toMatchObject([{ source: 'comment:2' }]);
    });

    it('and are deleted beside others: the others count', async () => {
      const { store } = use();
      const { desk, taskId } = await waiting();
      await desk.deliver(answer('comment:1', 'warmly'));
      await desk.deliver([addInput('comment:2', { body: 'politely', author: 'other' })]);
      await desk.deliver([drop('comment:1')]);
      expect((await desk.snapshot()).questions).toMatchObject([{ state: 'answered', answer: 'politely', answered_by: 'other' }]);
      await dueNow();
      await desk.claim('w');
      expect(await store.pendingInputs(taskId, 'w')).toMatchObject([{ source: 'comment:2' }]);
    });

    it('and are deleted when the task has started: it is told that there is nothing; what was taken stays', async () => {
      const { store } = use();
      const { desk, taskId } = await waiting();
      await desk.deliver(answer('comment:1', 'warmly', 0));
      await desk.claim('w');
      await desk.deliver([drop('comment:1')]);
      const input = only(await store.pendingInputs(taskId, 'w'));
      expect(input.body).toBe('(This comment was deleted.)');
      await store.appendInputs(taskId, 'w', [input.id], []);
      await desk.deliver([drop('comment:1'), drop('comment:7')]);
      expect(await use().sql('select 1 from public.task_inputs')).toHaveLength(1);
    });

    it('are read in the order in which they were written, then what was heard of changes', async () => {
      const { store } = use();
      const { desk, taskId } = await aTaskAtWork(store, 'w', [addTask('other', { delay_seconds: 600 })]);
      await use().sql(`update public.tasks set state = 'cancelled' where key = 'other'`);
      for (const source of ['edit:g', 'comment:100', 'comment:99', 'comment:101@r']) await desk.deliver([addInput(source)]);
      expect((await store.pendingInputs(taskId, 'w')).map(({ source }) => source)).toEqual(['comment:99', 'comment:100', 'edit:g', 'comment:101@r']);
    });
  });
}
