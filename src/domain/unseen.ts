import { showState } from './effects.ts';
import type { Intent } from './intents.ts';
import type { JsonObject, Ticket } from './model.ts';

/** Something that people were to see and that GitHub refused. */
export interface Unseen {
  key: string;
  kind: string;
  lane: string;
  payload: JsonObject;
}

/** Pauses before each further try, in minutes; then it stays as it is, counted in health. */
const PAUSES = [10, 30, 120, 480, 1440];
const REST_SECONDS = 6 * 3600;

export interface UnseenDecision {
  intents: Intent[];
  tries: number;
  nextLookSeconds: number;
}

/** Wants it once more after a growing pause. A label shows where the issue is now, not where it was. */
export function decideUnseen(
  ticket: Pick<Ticket, 'project_id' | 'number' | 'version' | 'state'>,
  unseen: readonly Unseen[],
  tries: number | null,
): UnseenDecision {
  const done = tries ?? 0;
  const pause = PAUSES[tries === null ? 0 : done + 1];
  const nextLookSeconds = pause === undefined ? REST_SECONDS : pause * 60;
  if (tries === null || done >= PAUSES.length) return { intents: [], tries: done, nextLookSeconds };
  const again = unseen
    .filter(({ kind }) => kind !== 'label')
    .map(({ key, kind, lane, payload }): Intent => ({ type: 'effect', key, kind, lane, payload, rearm: true }));
  const label = showState({ projectId: ticket.project_id, number: ticket.number }, `unseen/${ticket.version}/${done}`, ticket.state);
  const intents = [...again, ...(again.length < unseen.length ? [label] : [])];
  return { intents, tries: done + 1, nextLookSeconds };
}
