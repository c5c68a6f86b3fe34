import type { Need } from './access.ts';

/** Who may call what, named once. The App side lists alternatives. */

export const READ_METADATA: Need = { user: 'read', app: ['metadata:read'] };
export const READ_CONTENTS: Need = { user: 'read', app: ['contents:read'] };
export const WRITE_CONTENTS: Need = { user: 'write', app: ['contents:write'] };
export const READ_ISSUES: Need = { user: 'read', app: ['issues:read', 'pull_requests:read'] };
/** Anybody who reads may open issues, comment and react; finer rules are in the handlers. */
export const TALK: Need = { user: 'read', app: ['issues:write', 'pull_requests:write'] };
export const TRIAGE: Need = { user: 'triage', app: ['issues:write', 'pull_requests:write'] };
export const MANAGE_LABELS: Need = { user: 'write', app: ['issues:write', 'pull_requests:write'] };
export const READ_PULLS: Need = { user: 'read', app: ['pull_requests:read', 'contents:read'] };
export const REVIEW: Need = { user: 'read', app: ['pull_requests:write'] };
export const WRITE_PULLS: Need = { user: 'write', app: ['pull_requests:write'] };
export const MERGE: Need = { user: 'write', app: ['contents:write'] };
export const READ_CHECKS: Need = { user: 'read', app: ['checks:read'] };
/** Check runs belong to Apps; people are refused. */
export const WRITE_CHECKS: Need = { user: null, app: ['checks:write'] };
export const READ_STATUSES: Need = { user: 'read', app: ['statuses:read', 'contents:read'] };
export const WRITE_STATUSES: Need = { user: 'write', app: ['statuses:write'] };
export const READ_ACTIONS: Need = { user: 'read', app: ['actions:read'] };
export const WRITE_ACTIONS: Need = { user: 'write', app: ['actions:write'] };
export const READ_DEPLOYMENTS: Need = { user: 'read', app: ['deployments:read'] };
export const WRITE_DEPLOYMENTS: Need = { user: 'write', app: ['deployments:write'] };
export const ADMINISTER: Need = { user: 'admin', app: ['administration:write'] };
export const READ_ADMINISTRATION: Need = { user: 'write', app: ['administration:read'] };
