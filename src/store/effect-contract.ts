import type { JsonObject, Project } from '../domain/model.ts';

export interface ClaimedEffect {
  key: string;
  kind: string;
  payload: JsonObject;
  generation: number;
  /** True where an earlier worker began it and never settled: look on GitHub before performing. */
  begun_before: boolean;
  /** What an earlier generation settled with (a comment's id, say). */
  result: JsonObject | null;
  attempts: number;
  ticket_id: string | null;
  /** Begun by an agent inside its task, which has ended since: there is nobody to perform it, and it is only to be closed. */
  by_task: boolean;
  /** The delivery that caused it. */
  delivery: string | null;
  project: Project;
}

export type EffectBegin =
  | { status: 'settled'; result: JsonObject }
  | { status: 'perform'; generation: number; begun_before: boolean; attempts: number }
  /** Another worker holds it: try again later. */
  | { status: 'busy' };

/** What a worker that settles an effect takes on after it. */
export interface NextEffect {
  leaseSeconds: number;
}

export interface EffectSettled {
  /** False where the lease or the generation is no longer ours (it will be performed again with the newer truth). */
  settled: boolean;
  /** Under a lease of the same worker; null where none was asked for, none is due, or another has it. */
  next: ClaimedEffect | null;
}

/** The calls of the ledger. */
export interface EffectStore {
  beginEffect(effect: {
    key: string;
    kind: string;
    ticketId: string;
    taskId: string | null;
    payload: JsonObject;
    worker: string;
    leaseSeconds: number;
  }): Promise<EffectBegin>;
  /** With `next` the first of the lane that is due then is handed out in the same call. */
  settleEffect(key: string, worker: string, done: { generation: number; result: JsonObject; next?: NextEffect | null }): Promise<EffectSettled>;
  /** `retryAt` null: failed for good, visible in health. */
  failEffect(key: string, worker: string, error: JsonObject, retryAt: Date | null): Promise<void>;
}
