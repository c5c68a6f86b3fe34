/** Other words for the fixed ones, as models and other tools use them. An unknown word is handed on for the form to refuse. */

const PRIORITY: Record<string, string> = {
  urgent: 'critical',
  blocker: 'critical',
  p0: 'critical',
  p1: 'high',
  normal: 'medium',
  p2: 'medium',
  minor: 'low',
  p3: 'low',
};

const SEVERITY: Record<string, string> = {
  critical: 'error',
  blocker: 'error',
  high: 'error',
  major: 'error',
  failure: 'error',
  medium: 'warning',
  moderate: 'warning',
  minor: 'warning',
  low: 'info',
  notice: 'info',
  note: 'info',
  nit: 'info',
  suggestion: 'info',
};

const DECISION: Record<string, string> = {
  approved: 'approve',
  lgtm: 'approve',
  changes_requested: 'request_changes',
  requested_changes: 'request_changes',
  reject: 'request_changes',
  commented: 'comment',
};

function word(value: unknown, others: Record<string, string>): unknown {
  if (value === null || value === undefined || value === '') return undefined;
  if (typeof value !== 'string') return value;
  const plain = value
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
  return Object.hasOwn(others, plain) ? others[plain] : plain;
}

export function priorityWord(value: unknown): unknown {
  return word(value, PRIORITY);
}

export function severityWord(value: unknown): unknown {
  return word(value, SEVERITY);
}

export function decisionWord(value: unknown): unknown {
  return word(value, DECISION);
}
