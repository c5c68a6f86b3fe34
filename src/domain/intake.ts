import { ACTIONS_LOGIN, conflictsVersion } from './update-issue.ts';

/** What the webhook function must know of a delivery without understanding it. No schema here: whatever does not fit is stored and looked at by a worker. */

const HANDLED: Record<string, readonly string[]> = {
  issues: ['opened', 'edited', 'reopened', 'closed', 'labeled', 'unlabeled'],
  issue_comment: ['created', 'edited', 'deleted'],
  pull_request: ['closed'],
};

/** What the App subscribes to. */
export const EVENTS: readonly string[] = Object.keys(HANDLED);

/** What a bot does on an issue starts nothing; what it does to a pull request (a merge) counts. */
const PEOPLE_ONLY: readonly string[] = ['issues', 'issue_comment'];

/** What the workflow of an update does on the issue by which it asks for the resolution of conflicts. Whether it is that, a worker asks GitHub. */
const OF_UPDATES: readonly (string | null)[] = ['labeled', 'closed'];

export interface Envelope {
  action: string | null;
  installationId: number | null;
  repository: string | null;
  number: number | null;
  issueHint: number | null;
  /** Why it is not stored, or null where it is. */
  ignored: 'event' | 'action' | 'bot' | null;
}

type Loose = Record<string, unknown> | undefined;

function child(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function integer(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The issue number in a branch of Banyan's (`feature/12-discount-codes`), or null. */
export function issueOfBranch(branch: string): number | null {
  const match = /^(?:feature|bugfix)\/(\d{1,9})-/.exec(branch);
  return match ? Number(match[1]) : null;
}

function ignoredFor(event: string, action: string | null, payload: Loose): Envelope['ignored'] {
  const actions = HANDLED[event];
  if (!actions) return 'event';
  // No action at all is not "another action": it is a payload we do not understand, and goes where a person sees it.
  if (action !== null && !actions.includes(action)) return 'action';
  const sender = child(payload, 'sender');
  if (!PEOPLE_ONLY.includes(event) || child(sender, 'type') !== 'Bot') return null;
  const ofUpdate = event === 'issues' && OF_UPDATES.includes(action) && child(sender, 'login') === ACTIONS_LOGIN;
  return ofUpdate && conflictsVersion(text(child(child(payload, 'issue'), 'body')) ?? '') !== null ? null : 'bot';
}

export function readEnvelope(event: string, payload: unknown): Envelope {
  const body = payload as Loose;
  const action = text(child(body, 'action'));
  const pull = child(body, 'pull_request');
  const branch = text(child(child(pull, 'head'), 'ref'));
  return {
    action,
    installationId: integer(child(child(body, 'installation'), 'id')),
    repository: text(child(child(body, 'repository'), 'full_name'))?.toLowerCase() ?? null,
    number: integer(child(child(body, 'issue'), 'number')) ?? integer(child(pull, 'number')),
    issueHint: branch === null ? null : issueOfBranch(branch),
    ignored: ignoredFor(event, action, body),
  };
}
