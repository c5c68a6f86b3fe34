import type { TicketState } from './model.ts';

export const LABEL_KEYS = [
  'needs-clarification',
  'ready-for-dev',
  'in-progress',
  'in-qa',
  'in-review',
  'awaiting-approval',
  'blocked',
  'paused',
  'needs-human',
  'done',
] as const;
export type LabelKey = (typeof LABEL_KEYS)[number];

/** Names of the labels in one repository: the key itself unless the configuration renames it. */
export type LabelNames = Record<LabelKey, string>;

export function labelNames(renamed: Partial<Record<LabelKey, string>>): LabelNames {
  return Object.fromEntries(LABEL_KEYS.map((key) => [key, renamed[key] ?? key])) as LabelNames;
}

const BY_STATE: Record<TicketState, LabelKey | null> = {
  analyzing: null,
  needs_clarification: 'needs-clarification',
  ready_for_dev: 'ready-for-dev',
  in_progress: 'in-progress',
  in_qa: 'in-qa',
  in_review: 'in-review',
  done: 'done',
  awaiting_approval: 'awaiting-approval',
  blocked: 'blocked',
  paused: 'paused',
  failed: 'needs-human',
  cancelled: null,
};

/** The one label that shows a ticket's state, or null where none is shown. */
export function labelOf(state: TicketState): LabelKey | null {
  return BY_STATE[state];
}

/** Colour and description with which a missing label is made. */
export const LABEL_STYLE: Record<LabelKey, { color: string; description: string }> = {
  'needs-clarification': { color: 'fbca04', description: 'Banyan asked questions and waits for the answers' },
  'ready-for-dev': { color: '0e8a16', description: 'Clear enough to be built; adding it starts the Developer' },
  'in-progress': { color: '1d76db', description: 'Banyan is writing code' },
  'in-qa': { color: '5319e7', description: 'Banyan is testing the pull request' },
  'in-review': { color: '006b75', description: 'The pull request is under review' },
  'awaiting-approval': { color: 'fbca04', description: 'A maintainer must say whether Banyan may start' },
  blocked: { color: 'd93f0b', description: 'Cannot go on before something else is done' },
  paused: { color: 'c5def5', description: 'Stopped for now by a person' },
  'needs-human': { color: 'b60205', description: 'Banyan stopped; a person must look' },
  done: { color: '0e8a16', description: 'Merged' },
};
