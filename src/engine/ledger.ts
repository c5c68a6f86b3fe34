import type { JsonObject } from '../domain/model.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import type { Store } from '../store/contract.ts';
import { errorRecord, retryTime } from './failures.ts';
import type { Tracing } from './tracing.ts';

export interface LedgerEffect<Result extends JsonObject> {
  /** Unique for what is wanted, whoever wants it and however often it is tried. */
  key: string;
  kind: string;
  payload: JsonObject;
  /** Looks on GitHub whether an earlier, broken-off try came through. Only asked when there was one. */
  find(): Promise<Result | null>;
  perform(): Promise<Result>;
}

/** The effects ledger as an agent uses it inside its task: each effect happens once, and everybody after gets the same result. */
export interface Ledger {
  /** @throws BanyanError `conflict` (transient) while another worker is performing it. */
  once<Result extends JsonObject>(effect: LedgerEffect<Result>): Promise<Result>;
}

/**
 * Its task takes a failed one up again, whenever that is due. Only what no task has come back for in this time is handed to the
 * outbox, which does not know how to perform it and shows it as failed.
 */
const LEFT_MS = 48 * 3_600_000;

interface Owner {
  worker: string;
  ticketId: string;
  taskId: string;
  leaseSeconds: number;
}

export function createLedger({ store, tracing }: { store: Store; tracing: Tracing }, owner: Owner): Ledger {
  async function once<Result extends JsonObject>(effect: LedgerEffect<Result>): Promise<Result> {
    const { key, kind, payload } = effect;
    const begun = await store.beginEffect({ key, kind, payload, ...owner });
    if (begun.status === 'settled') return begun.result as Result;
    if (begun.status === 'busy') throw new BanyanError('conflict', `effect ${key} is being performed by another worker`, { retry: 'transient' });
    try {
      const earlier = begun.begun_before ? await effect.find() : null;
      const result = earlier ?? (await effect.perform());
      await store.settleEffect(key, owner.worker, { generation: begun.generation, result });
      return result;
    } catch (thrown) {
      // The outcome may be unknown (a time-out after GitHub acted): the next try looks before it performs.
      const error = toBanyanError(thrown);
      const left = retryTime(error, 0, 1) && new Date(Date.now() + LEFT_MS);
      await store.failEffect(key, owner.worker, errorRecord(error), left).catch(() => undefined);
      throw error;
    }
  }

  return {
    once(effect) {
      const attributes = { 'banyan.kind': effect.kind, 'banyan.effect': effect.key };
      return tracing.span('effect', { attributes }, () => once(effect));
    },
  };
}
