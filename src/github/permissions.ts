/** What Banyan may do with a token, whatever the installation allows: the least that the roles need. */
export const PERMISSIONS = { contents: 'write', issues: 'write', pull_requests: 'write', checks: 'write', metadata: 'read' } as const;
