import { call } from './call.ts';
import type { GitHubReservation, PutOff, Store, Transport } from './contract.ts';

type LimitCalls = Pick<Store, 'putOffEffect' | 'putOffDelivery' | 'putOffTask' | 'reserveGitHub' | 'returnGitHub' | 'holdGitHub'>;

/** What concerns the limits of others: GitHub's budget, and waiting for its end. */
export function limitCalls(transport: Transport): LimitCalls {
  async function putOff(fn: string, args: Record<string, unknown>, { seconds, patienceSeconds }: PutOff): Promise<'put_off' | 'failed' | 'lost'> {
    const { status } = await call<{ status: 'put_off' | 'failed' | 'lost' }>(transport, fn, {
      ...args,
      p_seconds: seconds,
      p_patience_seconds: patienceSeconds,
    });
    return status;
  }
  return {
    putOffEffect: (key, worker, error, wait) => putOff('put_off_effect', { p_key: key, p_worker: worker, p_error: error }, wait),
    putOffDelivery: (guid, worker, error, wait) => putOff('put_off_delivery', { p_guid: guid, p_worker: worker, p_error: error }, wait),
    putOffTask: (taskId, worker, error, wait) =>
      putOff('put_off_task', { p_task_id: taskId, p_worker: worker, p_error: error, p_intents_at_end: wait.intentsAtEnd }, wait),
    reserveGitHub: ({ installationId, holder, need, want, returns }) =>
      call<GitHubReservation>(transport, 'reserve_github', {
        p_installation_id: installationId,
        p_holder: holder,
        p_need: need,
        p_want: want,
        p_returns: returns,
      }),
    async returnGitHub(holder, returns) {
      await call(transport, 'return_github', { p_holder: holder, p_returns: returns });
    },
    async holdGitHub(installationId, seconds) {
      return (await call<{ seconds: number }>(transport, 'hold_github', { p_installation_id: installationId, p_seconds: seconds })).seconds;
    },
  };
}
