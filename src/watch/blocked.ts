import { ACCESS, decideBlocked, forget } from '../domain/blocked.ts';
import type { Hindrance } from '../domain/blocked.ts';
import type { JsonObject, Project } from '../domain/model.ts';
import { decideUnseen } from '../domain/unseen.ts';
import type { Unseen } from '../domain/unseen.ts';
import { fromRunSnapshot } from '../engine/run-config.ts';
import { toBanyanError } from '../kernel/errors.ts';
import type { WatchItem } from '../store/watch-contract.ts';
import { lookingJob } from './job.ts';
import type { Look, WatchParts } from './job.ts';

interface BlockedFacts {
  /** Null: the issue is over, and what was found with it. */
  ticket_id: string | null;
  version: number;
  repository: string;
  project: Project;
  hindrance: Hindrance | null;
  /** Of a subject of its own: what GitHub refused to show. */
  unseen?: Unseen[];
}

/** GitHub is asked whether the App is let in again: soon at first, and every quarter of an hour in the end. */
const ASK_SECONDS = { least: 60, most: 900 };

function askAgainIn(since: string | null): number {
  const waited = since === null ? 0 : (Date.now() - Date.parse(since)) / 1000;
  return Math.min(Math.max(waited / 4, ASK_SECONDS.least), ASK_SECONDS.most);
}

/** What GitHub says now where it had refused the App: the refusal, or null where it lets it in. */
async function askForAccess({ github }: WatchParts, project: Project, number: number): Promise<Hindrance | null> {
  try {
    await (await github.repository(project)).issues.get(number);
    return null;
  } catch (thrown) {
    const { code, data } = toBanyanError(thrown);
    if (code === 'not_found') return null;
    const refused = code === 'forbidden' || (code === 'github_rejected' && (data['status'] === 401 || data['status'] === 403));
    if (!refused) throw thrown;
    return { cause: `${ACCESS}${Number(data['status'])}` };
  }
}

async function lookAtUnseen(unseen: Unseen[], ticketId: string, { memory }: WatchItem<BlockedFacts>, { store }: WatchParts): Promise<Look> {
  const { ticket } = await store.ticketSnapshot(ticketId);
  const known = memory['tries'];
  const { intents, tries, nextLookSeconds } = decideUnseen(ticket, unseen, typeof known === 'number' ? known : null);
  const act = intents.length > 0 ? { ticketId, expectVersion: ticket.version, intents } : null;
  return { finding: 'unseen', nextLookSeconds, memory: { tries }, act, did: act ? ['shown_again'] : [] };
}

/** Issues that cannot go on: mends what can be mended, says what is missing and who can give it, and goes on when it is there. */
export const blockedJob = lookingJob<BlockedFacts>({
  name: 'blocked',
  rows: 1_000,
  async look(item, parts) {
    const { data, memory, finding, found_at: since } = item;
    if (data.ticket_id === null) return { finding: null };
    if (data.unseen) return lookAtUnseen(data.unseen, data.ticket_id, item, parts);
    const snapshot = await parts.store.ticketSnapshot(data.ticket_id);
    const refused = data.hindrance?.cause.startsWith(ACCESS) === true;
    const hindrance = refused ? await askForAccess(parts, data.project, snapshot.ticket.number) : data.hindrance;
    const nextLookSeconds = refused ? askAgainIn(since) : undefined;
    if (refused && hindrance && hindrance.cause === finding) return { finding, nextLookSeconds, memory };
    const { repository, workflow } = fromRunSnapshot(snapshot.run?.config_snapshot ?? {});
    const { fixCycles, maxMinutes } = repository.limits;
    const decision = decideBlocked(snapshot, {
      hindrance,
      memory,
      since,
      repository: data.repository,
      phases: { workflow, fixCycles, maxMinutes },
      now: new Date(),
    });
    if (!decision) return { finding: null, nextLookSeconds, memory: forget(memory) as JsonObject };
    return {
      finding: decision.finding,
      nextLookSeconds,
      memory: decision.memory as JsonObject,
      // The version is that of the facts: whoever changed the issue since makes the decision void.
      act: { ticketId: data.ticket_id, expectVersion: data.version, intents: decision.intents },
      did: [decision.deed],
    };
  },
});
