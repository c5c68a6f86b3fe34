import { decideBlocked, forget } from '../domain/blocked.ts';
import type { Hindrance } from '../domain/blocked.ts';
import type { JsonObject } from '../domain/model.ts';
import { fromRunSnapshot } from '../engine/run-config.ts';
import { lookingJob } from './job.ts';

interface BlockedFacts {
  /** Null: the issue is over, and what was found with it. */
  ticket_id: string | null;
  version: number;
  repository: string;
  hindrance: Hindrance | null;
}

/** Whether there is anything to look at is asked of the candidates alone. */
const AT_ONCE = 0;

/** Issues that cannot go on: mends what can be mended, says what is missing and who can give it, and goes on when it is there. */
export const blockedJob = lookingJob<BlockedFacts>({
  name: 'blocked',
  rows: 1_000,
  async look({ data, memory, found_at: since }, { store }) {
    if (data.ticket_id === null) return { finding: null, nextLookSeconds: AT_ONCE };
    const snapshot = await store.ticketSnapshot(data.ticket_id);
    const { repository, workflow } = fromRunSnapshot(snapshot.run?.config_snapshot ?? {});
    const { fixCycles, maxMinutes } = repository.limits;
    const decision = decideBlocked(snapshot, {
      hindrance: data.hindrance,
      memory,
      since,
      repository: data.repository,
      phases: { workflow, fixCycles, maxMinutes },
      now: new Date(),
    });
    if (!decision) return { finding: null, nextLookSeconds: AT_ONCE, memory: forget(memory) as JsonObject };
    return {
      finding: decision.finding,
      nextLookSeconds: AT_ONCE,
      memory: decision.memory as JsonObject,
      // The version is that of the facts: whoever changed the issue since makes the decision void.
      act: { ticketId: data.ticket_id, expectVersion: data.version, intents: decision.intents },
      did: [decision.deed],
    };
  },
});
