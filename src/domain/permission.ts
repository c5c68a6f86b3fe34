/** GitHub's answer to "what may this person do here", as `GET /collaborators/{user}/permission` gives it. */
export type RepositoryPermission = 'admin' | 'maintain' | 'write' | 'triage' | 'read' | 'none';

/** Who may start code-writing work, answer for it, and steer it: those who could push the code themselves. */
export function mayStartWork(permission: RepositoryPermission): boolean {
  return permission === 'admin' || permission === 'maintain' || permission === 'write';
}
