import { readEnvelope } from '../domain/intake.ts';
import type { Log } from '../engine/log.ts';
import type { HookDeliveries } from '../github/hook-deliveries.ts';
import { readFields } from '../github/triggers.ts';
import { BanyanError, toBanyanError } from '../kernel/errors.ts';
import type { MissedDelivery, Store } from '../store/contract.ts';
import { readAttempts } from './attempts.ts';
import type { AttemptStore } from './attempts.ts';
import { emptyReport } from './job.ts';
import type { WatchJob } from './job.ts';

/*
 * GitHub tries once to hand an event over. What it could not (the function was down, the database away, the payload too
 * large for the platform) is found in GitHub's own list and kept as a row. GitHub is asked to deliver it again; where that
 * cannot help or does not, the payload is fetched and stored as the webhook would have. After three days GitHub has
 * forgotten it, and it is lost where people see it.
 */

/** How often GitHub is asked to deliver again before the payload is fetched instead. */
const ASK_TIMES = 2;
/** With the waits of `claim_missed`, about a day. */
const MAX_ATTEMPTS = 12;
const MAX_A_RUN = 20;
/** A run ends well before the next tick. */
const RUN_MS = 45_000;
/** The platform's answer to a body that it does not hand over. The same body would be refused again. */
const PAYLOAD_TOO_LARGE = 413;
/** A payload that nobody understands is kept whole up to the size that a webhook could have brought. */
const MAX_RAW_CHARS = 4.5 * 1024 * 1024;

export interface RedeliverParts {
  hooks: HookDeliveries;
  store: AttemptStore & Pick<Store, 'closeMissed' | 'claimMissed' | 'settleMissed' | 'receiveDelivery'>;
  log: Log;
}

export interface RedeliverReport {
  asked: number;
  recovered: number;
  lost: number;
}

function fieldsOf(missed: MissedDelivery): Record<string, unknown> {
  const { guid, event, action, status_code: status, attempts, happened_at: since } = missed;
  return { delivery: guid, event, action, status, attempts, since };
}

/** One run over one report. */
class Run {
  readonly #parts: RedeliverParts;
  readonly report: RedeliverReport = { asked: 0, recovered: 0, lost: 0 };

  constructor(parts: RedeliverParts) {
    this.#parts = parts;
  }

  async work(until: number): Promise<void> {
    const { store } = this.#parts;
    for (const missed of await store.closeMissed(MAX_ATTEMPTS)) this.#tellLost(missed, missed.outcome ?? '');
    for (let count = 0; count < MAX_A_RUN && Date.now() < until; count += 1) {
      const missed = await store.claimMissed();
      if (!missed) return;
      await this.#bringHome(missed);
    }
  }

  /** @throws BanyanError where nothing more should be asked of GitHub in this run; the row is tried again later */
  async #bringHome(missed: MissedDelivery): Promise<void> {
    try {
      const redeliverable = missed.status_code !== PAYLOAD_TOO_LARGE && missed.attempts <= ASK_TIMES;
      if (!(redeliverable && (await this.#ask(missed)))) await this.#recover(missed);
    } catch (thrown) {
      const error = toBanyanError(thrown);
      if (error.code === 'not_found') return this.#lose(missed, 'GitHub no longer has it');
      if (error.retry === 'permanent' || error.retry === 'poisoned') return this.#lose(missed, `${error.code}: ${error.message.slice(0, 200)}`);
      throw error;
    }
  }

  /** False where GitHub refuses to deliver this one again: then it is fetched. */
  async #ask(missed: MissedDelivery): Promise<boolean> {
    const { hooks, log } = this.#parts;
    try {
      await hooks.redeliver(missed.delivery_id);
    } catch (thrown) {
      if (toBanyanError(thrown).code === 'github_rejected' && toBanyanError(thrown).retry === 'permanent') return false;
      throw thrown;
    }
    this.report.asked += 1;
    log.info(fieldsOf(missed), 'GitHub was asked to deliver again');
    return true;
  }

  /**
   * Stores the payload under its GUID, as the webhook would have. Nothing is signed here: it comes from GitHub over a call of
   * our own. Of a payload only the fields that Banyan reads are kept, however large it is: what made it large is what nobody
   * reads, and neither the Data API's gateway nor a row is a place for 25 MB.
   */
  async #recover(missed: MissedDelivery): Promise<void> {
    const { hooks, store, log } = this.#parts;
    const payload = await hooks.payload(missed.delivery_id);
    if (typeof payload !== 'object' || payload === null) return this.#lose(missed, 'GitHub kept no payload');
    const { ignored, ...envelope } = readEnvelope(missed.event, payload);
    if (ignored) return store.settleMissed(missed.guid, 'received', `not handled: ${ignored}`);
    await store.receiveDelivery({ guid: missed.guid, event: missed.event, body: bodyOf(missed.event, payload), ...envelope });
    await store.settleMissed(missed.guid, 'recovered', 'the payload was fetched from GitHub');
    this.report.recovered += 1;
    log.info(fieldsOf(missed), 'the payload of a delivery was fetched from GitHub');
  }

  async #lose(missed: MissedDelivery, outcome: string): Promise<void> {
    await this.#parts.store.settleMissed(missed.guid, 'lost', outcome);
    this.#tellLost(missed, outcome);
  }

  #tellLost(missed: MissedDelivery, outcome: string): void {
    this.report.lost += 1;
    this.#parts.log.error({ ...fieldsOf(missed), reason: outcome }, 'a delivery is lost');
  }
}

/** @throws BanyanError `payload_invalid` where it is not understood and too large to be kept as it is */
function bodyOf(event: string, payload: object): string {
  const fields = readFields(event, payload);
  if (fields !== null) return fields;
  // Octokit reads integers that no number holds as BigInt, which JSON.stringify refuses.
  const raw = JSON.stringify(payload, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  if (raw.length <= MAX_RAW_CHARS) return raw;
  throw new BanyanError('payload_invalid', `a payload of ${raw.length} characters was not understood`, { retry: 'poisoned' });
}

/**
 * Finds what GitHub could not hand over and brings it home. Never throws: what fails is logged, and the next run is the
 * retry. Safe beside itself: rows are claimed, and the inbox knows a GUID that comes twice.
 */
export async function redeliverMissed(parts: RedeliverParts): Promise<RedeliverReport> {
  const until = Date.now() + RUN_MS;
  const run = new Run(parts);
  try {
    await readAttempts(parts.hooks, parts.store, until);
  } catch (thrown) {
    const error = toBanyanError(thrown);
    parts.log.warn({ code: error.code, reason: error.message }, 'the deliveries of the App could not be listed');
  }
  try {
    await run.work(until);
  } catch (thrown) {
    const error = toBanyanError(thrown);
    parts.log.warn({ code: error.code, reason: error.message }, 'missed deliveries could not be brought home; the next run goes on');
  }
  return run.report;
}

export const redeliverJob: WatchJob = {
  name: 'redeliver',
  async run({ github, store, log }) {
    const did = { ...(await redeliverMissed({ hooks: github.hookDeliveries(), store, log })) };
    const looked = did.asked + did.recovered + did.lost;
    return { ...emptyReport(), looked, acted: looked, did };
  },
};
