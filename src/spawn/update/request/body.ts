import { askedMarker } from '../../../domain/update-issue.ts';
import { breakingEntries } from '../changelog.ts';
import { matchLines, splitLines } from '../lines.ts';
import { conflictsOf, type Prepared } from '../prepare.ts';

/** GitHub takes 65,536 characters. */
const MOST_CHARACTERS = 60_000;
const MOST_PATCH = 20_000;

/** A change of a file as a patch of one hunk, which `git apply` takes. */
export function patchOf(path: string, before: string | null, after: string): string {
  const [a, b] = [splitLines(before ?? ''), splitLines(after)];
  const lines: string[] = [];
  let [i, j] = [0, 0];
  for (const [x, y] of [...matchLines(a, b), [a.length, b.length] as const]) {
    while (i < x) lines.push(`-${a[i++]?.key ?? ''}`);
    while (j < y) lines.push(`+${b[j++]?.key ?? ''}`);
    if (x < a.length) lines.push(` ${a[x]?.key ?? ''}`);
    [i, j] = [x + 1, y + 1];
  }
  const old = before === null ? '/dev/null' : `a/${path}`;
  return `--- ${old}\n+++ b/${path}\n@@ -${a.length === 0 ? 0 : 1},${a.length} +1,${b.length} @@\n${lines.join('\n')}\n`;
}

export interface WorkflowPatch {
  path: string;
  patch: string;
}

export interface BodyInput {
  prepared: Prepared;
  /** Changes of workflows that the token may not push. */
  workflows: readonly WorkflowPatch[];
  /** What else a person should know. */
  notes: readonly string[];
  branch: string;
  resolver: Resolver;
}

/** Who resolves the conflicts. */
export interface Resolver {
  /** The issue that asks Banyan; null where it was not asked. */
  issue: { number: number; state: string } | null;
  /** Files with conflicts that no agent may change; only told where a Banyan runs. */
  persons: readonly string[];
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n## ${title}\n\n${lines.join('\n')}\n`;
}

/** Text between fences that it cannot end. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}

function workflowSection(workflows: readonly WorkflowPatch[]): string {
  if (workflows.length === 0) return '';
  const patch = workflows.map((workflow) => workflow.patch).join('');
  const shown = patch.length > MOST_PATCH ? `${patch.slice(0, MOST_PATCH)}\n(cut)` : patch;
  return section('Workflows, to be applied by hand', [
    'The token of this run may not change `.github/workflows`. Apply this with `git apply`, or take it with `npx banyan update`:',
    '',
    fenced(shown, 'diff'),
  ]);
}

export function titleOf({ from, to }: Pick<Prepared, 'from' | 'to'>): string {
  return from === to ? `chore: template v${to}, as it is now` : `chore: template v${to}`;
}

function resolution({ issue, persons }: Resolver, branch: string): string[] {
  const byHand = `\`git fetch && git switch ${branch}\`, choose in each file, remove the marker lines, \`npm install && npm run check && npm test\`, commit and push`;
  if (issue?.state === 'open') {
    return [
      `**Who resolves them:** #${issue.number} asks Banyan, which proposes the resolution as a pull request into this branch, tested and reviewed. Merge that one first, then this one.`,
      `To do it yourself, close #${issue.number}; then: ${byHand}.`,
    ];
  }
  const why = persons.length === 0 ? '' : ` No agent may change ${persons.map((path) => `\`${path}\``).join(', ')}, so Banyan was not asked.`;
  return [`**Who resolves them:** you.${why} Like so: ${byHand}.`];
}

function conflictsSection({ prepared, branch, resolver }: Pick<BodyInput, 'prepared' | 'branch' | 'resolver'>): string {
  const conflicts = conflictsOf(prepared);
  if (conflicts.length === 0) return '';
  return section('Conflicts', [
    'This repository and the template changed the same lines. On this branch, and nowhere else, both stand in the file, between marker lines:',
    `yours after \`<<<<<<< your child\`, what both began with after \`|||||||\`, the template's after \`=======\`.`,
    '',
    ...conflicts.map(({ path, count }) => `- [ ] \`${path}\`: ${count} ${count === 1 ? 'conflict' : 'conflicts'}`),
    '',
    ...resolution(resolver, branch),
    '',
    'This is a draft until no marker is left; the next run of the update takes it out of draft.',
    ...(resolver.issue === null ? [] : ['', askedMarker(resolver.issue.number)]),
  ]);
}

/** What changed and why, for whoever decides. */
export function bodyOf({ prepared, workflows, notes, branch, resolver }: BodyInput): string {
  const { from, to, changes, notices, codemods, questions, changelog } = prepared;
  const text = [
    `Updates the template of this repository from v${from} to v${to}.\n`,
    conflictsSection({ prepared, branch, resolver }),
    section(
      'What changed',
      changelog.map((part) => `### v${part.version}\n\n${part.text}\n`),
    ),
    section('Needs a look', [
      ...notices.map(({ message }) => `- ${message}`),
      ...codemods.map(({ title, notes: said }) => `- Codemod: ${title}${said.length > 0 ? ` (${said.join('; ')})` : ''}`),
      ...questions.map(
        ({ question, answer }) =>
          `- The new question \`${question}\` took its default, \`${JSON.stringify(answer)}\`. For another answer close this, and run \`npx banyan update\`, which asks.`,
      ),
      ...notes.map((note) => `- ${note}`),
    ]),
    workflowSection(workflows),
    section(
      'Files',
      changes.map(({ kind, path, from: before }) => `- ${kind} ${before === undefined ? '' : `\`${before}\` to `}\`${path}\``),
    ),
    '\n---\n\nKept current until somebody pushes to this branch. Closing it refuses this version; the next one is proposed again.\n',
  ].join('');
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}\n\n(cut: the rest stands in the files)` : text;
}

/** Asks before a new major version. */
export function questionOf({ from, to, changelog }: Pick<Prepared, 'from' | 'to' | 'changelog'>): { title: string; body: string } {
  const breaking = changelog.flatMap(({ text }) => breakingEntries(text)).map((entry) => `- ${entry}`);
  const body = [
    `The template v${to} is a new major version; this repository is at v${from}.`,
    section('What breaks', breaking.length > 0 ? breaking : ['- The changelog names nothing in particular.']),
    `\nTo have it proposed as a pull request, comment \`/banyan update\` (with write access), or add the label \`${AGREED}\`. `,
    'To have that always: `"majors": true` in `.banyan/template.json`. Closing this issue declines it; minor versions are proposed all the same.\n',
  ].join('');
  return { title: `Template v${to} is a new major version: update?`, body };
}

/** The label by which a new major version is agreed to. */
export const AGREED = 'template-update';

/** Asks the child's own Banyan to resolve what the merge could not. Read by a tired maintainer as well. */
export function conflictIssueOf(
  prepared: Prepared,
  { branch, pull, prefix }: { branch: string; pull: number; prefix: string },
): { title: string; body: string } {
  const list = conflictsOf(prepared).map(
    ({ path, count }) => `- [ ] \`${prefix}${path}\` on the branch \`${branch}\` has no conflict marker left (${count} now)`,
  );
  const excerpts = prepared.changes
    .filter(({ conflicts }) => conflicts > 0)
    .map(({ path, content }) => `### \`${prefix}${path}\`\n\n${fenced(conflictParts(content ?? ''), '')}`);
  const body = [
    `#${pull} updates the template from v${prepared.from} to v${prepared.to}, and both sides changed the same lines. The conflicts stand in the files on its branch \`${branch}\`, and this issue is about that branch alone.\n\n`,
    `Each conflict shows our text (\`<<<<<<< your child\`), what it was in template v${prepared.from} (\`|||||||\`), and the new text of the template (\`=======\` to \`>>>>>>>\`). `,
    'Propose the text that keeps what we meant and takes what the template improved, and change nothing else.\n',
    section('Acceptance criteria', [...list, '- [ ] `npm run check` and `npm test` pass']),
    section('What happens', [
      `Banyan opens a pull request into \`${branch}\`, with the proof of QA and a review. Merge that, and #${pull} is taken out of draft by the next run of the update; then merge #${pull}.`,
      '',
      `As long as this issue is open, #${pull} is not refreshed. Close it to resolve the conflicts yourself.`,
    ]),
    section('Conflicts', excerpts),
  ].join('');
  return { title: `Resolve the conflicts of template v${prepared.to}`, body: body.slice(0, MOST_CHARACTERS) };
}

/** The marked parts of a text, without what is between them. */
function conflictParts(text: string): string {
  const parts = text.match(/^<{7} [^]*?^>{7} .*$/gm) ?? [];
  return parts.join('\n').slice(0, 8_000);
}
