import { decideWait } from '../domain/waiting.ts';
import type { WaitStage } from '../domain/waiting.ts';
import { fromRunSnapshot } from '../engine/run-config.ts';
import { lookingJob } from './job.ts';

interface WaitFacts {
  ticket_id: string;
  version: number;
  waits: number;
  /** Reached and not told yet; 0: the wait that was found is over. */
  stage: number;
}

const STAGES: Record<number, WaitStage> = { 1: 'remind', 2: 'escalate', 3: 'end' };

/** Issues that wait for a person: reminds once, escalates once, and ends the wait as the repository's configuration says. */
export const approvalsJob = lookingJob<WaitFacts>({
  name: 'approvals',
  rows: 1_000,
  batch: 100,
  async look({ data }, { store }) {
    const stage = STAGES[data.stage];
    if (!stage) return { finding: null };
    const snapshot = await store.ticketSnapshot(data.ticket_id);
    const { repository, workflow } = fromRunSnapshot(snapshot.run?.config_snapshot ?? {});
    const context = { rules: repository.waiting, workflow, readyLabel: repository.labels['ready-for-dev'], now: new Date() };
    const decision = decideWait(snapshot, { stage, number: data.waits }, context);
    // The version is that of the facts by which it was due: whoever answered since makes it void, be it read or not.
    const act = { ticketId: data.ticket_id, expectVersion: data.version, intents: decision?.intents ?? [], unlessUnread: true };
    const finding = decision && stage !== 'end' ? `${snapshot.ticket.waiting_for}:${stage}` : null;
    const memory = { waits: data.waits, stage: data.stage };
    return { finding, memory, act, did: decision ? [decision.deed] : [] };
  },
});
