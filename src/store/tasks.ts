import { call } from './call.ts';
import type { ClaimedTask, NextTasks, Settled, Store, Transport } from './contract.ts';

type TaskCalls = Pick<Store, 'applyTaskIntents' | 'releaseTask' | 'completeTask' | 'suspendTask' | 'failTask'>;

function nextOf(next: NextTasks | undefined): { p_next: number; p_lease_seconds: number } {
  return { p_next: next?.tasks ?? 0, p_lease_seconds: next?.leaseSeconds ?? 0 };
}

export function taskCalls(transport: Transport): TaskCalls {
  return {
    applyTaskIntents: (taskId, worker, intents) =>
      call<{ status: 'applied' | 'lost' | 'cancelled' }>(transport, 'apply_task_intents', {
        p_task_id: taskId,
        p_worker: worker,
        p_intents: intents,
      }),
    async releaseTask(taskId, worker, delaySeconds) {
      await call(transport, 'release_task', { p_task_id: taskId, p_worker: worker, p_delay_seconds: delaySeconds });
    },
    completeTask: (taskId, worker, output, decision) =>
      call<Settled>(transport, 'complete_task', {
        p_task_id: taskId,
        p_worker: worker,
        p_output: output,
        p_expect_version: decision.expectVersion,
        p_intents: decision.intents,
        ...nextOf(decision.next),
      }),
    suspendTask: (taskId, worker, wait, intents) =>
      call<Settled>(transport, 'suspend_task', {
        p_task_id: taskId,
        p_worker: worker,
        p_waiting_for: wait.waitingFor,
        p_waiting_on: wait.waitingOn,
        p_intents: intents,
        ...nextOf(wait.next),
      }),
    failTask: (taskId, worker, failure) =>
      call<{ status: 'retried' | 'failed' | 'dead' | 'lost'; next?: ClaimedTask[] }>(transport, 'fail_task', {
        p_task_id: taskId,
        p_worker: worker,
        p_error: failure.error,
        p_retry: failure.retry,
        p_retry_at: failure.retryAt,
        p_intents_at_end: failure.intentsAtEnd,
        ...nextOf(failure.next),
      }),
  };
}
