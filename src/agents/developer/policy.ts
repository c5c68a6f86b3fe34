import type { FileChange } from '../../context/overlay.ts';
import type { RepositorySnapshot } from '../../context/snapshot.ts';
import type { Ticket } from '../../domain/model.ts';
import type { CommitChange } from '../../github/commits.ts';
import { findSecrets } from '../../kernel/redact.ts';
import { slug } from '../../kernel/text.ts';

/** One issue, one branch: the name is made once and then kept with the ticket. */
export function branchName(ticket: Pick<Ticket, 'number' | 'title' | 'kind'>): string {
  return `${ticket.kind === 'bug' ? 'bugfix' : 'feature'}/${ticket.number}-${slug(ticket.title)}`;
}

export function toCommitChanges(changes: readonly FileChange[]): CommitChange[] {
  return changes.map((change) =>
    'deleted' in change ? { path: change.path, deleted: true } : { path: change.path, mode: change.mode, content: change.content },
  );
}

/** True where a file's mode is not what `createCommitOnBranch` would give it: that of the file as it was, 100644 for a new one. */
export function changesModes(changes: readonly FileChange[], before: RepositorySnapshot['files']): boolean {
  return changes.some((change) => !('deleted' in change) && change.mode !== (before.get(change.path)?.mode ?? '100644'));
}

/** Paths of changed files that hold what looks like a credential. */
export function filesWithSecrets(changes: readonly FileChange[]): string[] {
  return changes
    .filter((change) => !('deleted' in change) && findSecrets(Buffer.from(change.content, 'base64').toString('utf8')).length > 0)
    .map((change) => change.path);
}

/** "feat: add x" and what follows it; a message without a type gets one from the kind of the issue. */
/** Lines that GitHub or we read as facts about a commit; a model must not write them. */
const TRAILER = /^\s*(co-authored-by|signed-off-by|reviewed-by|acked-by|banyan-[a-z-]+)\s*:/i;

export function commitMessage(message: string, kind: Ticket['kind'], trailers: string[]): { headline: string; body: string } {
  const lines = message.trim().split('\n');
  const [first = '', ...rest] = lines.filter((line) => !TRAILER.test(line));
  const typed = /^[a-z]+(\([^)]*\))?!?: /.test(first) ? first : `${kind === 'bug' ? 'fix' : 'feat'}: ${first}`;
  return { headline: typed.slice(0, 200), body: [rest.join('\n').trim(), trailers.join('\n')].filter(Boolean).join('\n\n') };
}

const CLOSING = /\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:?\s+)((?:[\w.-]+\/[\w.-]+)?#(\d+)|https?:\/\/\S+\/issues\/\d+)/gi;

/** On a merge GitHub closes what a text says it closes: only the own issue may be. Other references stay readable as code. */
export function withoutOtherClosings(text: string, issue: number): string {
  return text.replace(CLOSING, (whole, keyword: string, space: string, reference: string) =>
    reference === `#${issue}` ? whole : `${keyword}${space}\`${reference}\``,
  );
}

/** The pull request's text always closes its issue, whatever the model wrote. */
export function withClosing(body: string, issue: number): string {
  const closes = new RegExp(`\\b(close[sd]?|fix(e[sd])?|resolve[sd]?)\\s+#${issue}\\b`, 'i');
  return closes.test(body) ? body : `${body.trimEnd()}\n\nCloses #${issue}`;
}
