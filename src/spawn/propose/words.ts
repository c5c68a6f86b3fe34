import type { Proposal } from './proposal.ts';

function markerOf({ key, hash }: Pick<Proposal, 'key' | 'hash'>): string {
  return `<!-- banyan:propose:${key}:${hash} -->`;
}

/** What the marker of an earlier proposal for the same files says of its content. */
export function hashIn(body: string, key: string): string | undefined {
  return new RegExp(`<!-- banyan:propose:${key}:([0-9a-f]{16}) -->`).exec(body)?.[1];
}

/** Longer than any run of backticks in the text, so that nothing in it ends the block. */
function fenceFor(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  return '`'.repeat(longest + 1);
}

/** No more than what was done: code cannot tell what else is somebody's own. */
const TAKEN_OUT =
  "The child's name, account and description are placeholders where they stood word for word; its lines were searched for secrets, addresses, people and other spellings of its name. What else may be the child's own is for a reader to see.";

function about({ version, domain, files }: Proposal): string {
  const list = files.map(({ origin }) => `- \`${origin}\``).join('\n');
  return `A child of the template v${version} (domain \`${domain}\`) has improved what it was given, and gives it back.\n\n${list}\n\n${TAKEN_OUT}`;
}

/** The text of an issue: the change as a patch that `git apply` takes. */
export function issueBody(proposal: Proposal, note = ''): string {
  const fence = fenceFor(proposal.patch);
  const apply = 'To try it: save the block below as `template.patch`, then `git apply --3way template.patch && npx vitest run src/spawn`.';
  return `${about(proposal)}\n\n${note === '' ? '' : `${note}\n\n`}${apply}\n\n${fence}diff\n${proposal.patch}${fence}\n\n${markerOf(proposal)}\n`;
}

/** The text of a pull request: the change itself is its commit. */
export function pullBody(proposal: Proposal): string {
  return `${about(proposal)}\n\n${markerOf(proposal)}\n`;
}

export function commitMessage(proposal: Proposal): string {
  return `${proposal.title}\n\nProposed by a child of the template v${proposal.version}.\n\nBanyan-Proposal: ${proposal.key}:${proposal.hash}\n`;
}
