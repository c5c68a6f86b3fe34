import { quoteAsCode, quoteForLine, quoteForPull } from '../../../domain/quote.ts';
import { askedMarker } from '../../../domain/update-issue.ts';
import { truncateLines } from '../../../kernel/text.ts';
import { breakingEntries } from '../changelog.ts';
import type { Conflict, Prepared } from '../prepare.ts';

/** GitHub takes 65,536 characters. */
const MOST_CHARACTERS = 60_000;
/** Of its parts, so that each has room. */
const MOST_PATCH = 15_000;
const MOST_CHANGELOG = 16_000;
const MOST_LIST = 8_000;

export interface WorkflowPatch {
  path: string;
  /** Empty where it is in conflict: markers are nothing to be applied. */
  patch: string;
  conflicts: number;
}

export interface BodyInput {
  prepared: Prepared;
  /** Changes of workflows that the token may not push. */
  workflows: readonly WorkflowPatch[];
  /** What else a person should know. */
  notes: readonly string[];
  branch: string;
  /** Those that stand on the branch. */
  conflicts: readonly Conflict[];
  resolver: Resolver;
  /** False where it should be a draft and is none: GitHub offers none, or a person has taken it out. */
  drafted: boolean;
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

/** As many of them as there is room for, the rest counted. */
function listed(lines: readonly string[], most = MOST_LIST): string[] {
  let used = 0;
  const end = lines.findIndex((line) => (used += line.length + 1) > most);
  return end === -1 ? [...lines] : [...lines.slice(0, end), `- and ${lines.length - end} more`];
}

function counted({ path, count }: Conflict): string {
  return `${quoteAsCode(path)}: ${count} ${count === 1 ? 'conflict' : 'conflicts'}`;
}

/** A part of a patch does not apply: a change that has no room is named. */
function workflowSection(workflows: readonly WorkflowPatch[]): string {
  if (workflows.length === 0) return '';
  let used = 0;
  const mergeable = workflows.filter(({ patch }) => patch !== '');
  const conflicts = workflows.flatMap(({ path, conflicts: count }) => (count > 0 ? [{ path, count }] : []));
  const shown = mergeable.filter(({ patch }) => (used += patch.length) <= MOST_PATCH);
  const rest = mergeable.filter((workflow) => !shown.includes(workflow));
  const patch = shown.map((workflow) => workflow.patch).join('');
  return section('Workflows, to be applied by hand', [
    `The token of this run may not change \`.github/workflows\`. Take the changes with \`npx banyan update\`${patch === '' ? '.' : ', or apply this with `git apply`:'}`,
    ...(patch === '' ? [] : ['', fenced(patch, 'diff')]),
    ...(patch.includes('\r')
      ? ['', 'Lines here end with CR and LF, which a browser does not copy: take the text with `gh pr view --json body --jq .body`.']
      : []),
    ...(conflicts.length === 0
      ? []
      : [
          '',
          'In these both sides changed the same lines. They are in no patch, and stay as they are until somebody runs `npx banyan update` on their machine, chooses between the sides there, and pushes:',
          '',
          ...listed(conflicts.map((conflict) => `- ${counted(conflict)}`)),
        ]),
    ...(rest.length === 0 ? [] : ['', 'No room is here for the changes of:', ...listed(rest.map(({ path }) => `- ${quoteAsCode(path)}`))]),
  ]);
}

/** A changelog is the words of others. */
function changelogSection(changelog: Prepared['changelog']): string {
  const whole = changelog.map(({ version, text }) => `### v${version}\n\n${quoteForPull(text)}\n`).join('\n');
  if (whole.length <= MOST_CHANGELOG) return section('What changed', whole === '' ? [] : [whole]);
  // Again, for a block of code that was cut open.
  return section('What changed', [quoteForPull(truncateLines(whole, MOST_CHANGELOG)), '', '(cut: the rest stands in the changelog of the package)']);
}

/** How each title of ours begins. */
export const TITLE = 'chore: template v';

export function titleOf({ from, to }: Pick<Prepared, 'from' | 'to'>): string {
  return from === to ? `${TITLE}${to}, as it is now` : `${TITLE}${to}`;
}

function resolution({ issue, persons }: Resolver, conflicts: readonly Conflict[], branch: string): string[] {
  const byHand = `\`git fetch && git switch ${branch}\`, choose in each file, remove the marker lines, \`npm install && npm run check && npm test\`, commit and push`;
  const kept = conflicts.flatMap(({ path }) => (persons.includes(path) ? [`\`${path}\``] : []));
  if (issue?.state === 'open') {
    return [
      `**Who resolves them:** #${issue.number} asks Banyan, which proposes the resolution as a pull request into this branch, with QA's proof and a review. Merge that one first, then this one.`,
      ...(kept.length === 0 ? [] : [`**These stay with you,** since no agent may change them: ${kept.join(', ')}.`]),
      `To do it ${kept.length === 0 ? 'yourself' : 'all yourself'}, close #${issue.number}; then: ${byHand}.`,
    ];
  }
  const why = kept.length === 0 ? '' : ` No agent may change ${kept.join(', ')}, so Banyan was not asked${kept.length < conflicts.length ? ' for those' : ''}.`;
  return [`**Who resolves them:** you.${why} Like so: ${byHand}.`];
}

type ConflictsInput = Pick<BodyInput, 'branch' | 'conflicts' | 'resolver' | 'drafted'>;

function conflictsSection({ branch, conflicts, resolver, drafted }: ConflictsInput): string {
  if (conflicts.length === 0) return '';
  return section('Conflicts', [
    'This repository and the template changed the same lines. On this branch, and nowhere else, both stand in the file, between marker lines:',
    `yours after \`<<<<<<< your child\`, what both began with after \`|||||||\`, the template's after \`=======\`.`,
    '',
    ...conflicts.map((conflict) => `- [ ] ${counted(conflict)}`),
    '',
    ...resolution(resolver, conflicts, branch),
    '',
    drafted
      ? 'This is a draft until no marker is left; the next run of the update takes it out of draft.'
      : '**Not ready:** this is no draft, and is not to be merged as long as a marker is left.',
    ...(resolver.issue === null ? [] : ['', askedMarker(resolver.issue.number)]),
  ]);
}

/** On a branch nothing is kept aside: the default branch has it. */
function noticeText({ kind, path, message }: Prepared['notices'][number]): string {
  return kind === 'managed_edit_replaced'
    ? `${path} is managed by the template, and was edited here: replaced. Your text stays on the default branch.`
    : message;
}

/** GitHub's rule for whatever `GITHUB_TOKEN` opens or pushes to. */
const BY_ACTIONS =
  'Where `github-actions[bot]` has opened it, CI waits here until somebody with write access presses "Approve and run": nothing was tested before.';

/** What changed and why, for whoever decides. */
export function bodyOf({ prepared, workflows, notes, ...onBranch }: BodyInput): string {
  const { from, to, changes, notices, codemods, questions, changelog } = prepared;
  const text = [
    `Updates the template of this repository from v${from} to v${to}.\n`,
    conflictsSection(onBranch),
    changelogSection(changelog),
    section(
      'Needs a look',
      listed([
        ...notices.map((notice) => `- ${quoteForPull(noticeText(notice)).replaceAll('\n', ' ')}`),
        ...codemods.map(({ title, notes: said }) => `- Codemod: ${quoteForLine(title)}${said.length > 0 ? ` (${said.map(quoteForLine).join('; ')})` : ''}`),
        ...questions.map(
          ({ question, answer }) =>
            `- The new question ${quoteAsCode(question)} took its default, ${quoteAsCode(JSON.stringify(answer))}. For another answer close this, and run \`npx banyan update\`, which asks.`,
        ),
        ...notes.map((note) => `- ${note}`),
      ]),
    ),
    workflowSection(workflows),
    section(
      'Files',
      listed(changes.map(({ kind, path, from: before }) => `- ${kind} ${before === undefined ? '' : `${quoteAsCode(before)} to `}${quoteAsCode(path)}`)),
    ),
    '\n---\n\nKept current until somebody pushes to this branch. Closing it refuses this version; the next one is proposed again. ',
    `${BY_ACTIONS}\n`,
  ].join('');
  return text;
}

/** Where the workflows are all that is left of an update. */
export function workflowsIssueOf({ to }: Pick<Prepared, 'to'>, workflows: readonly WorkflowPatch[]): { title: string; body: string } {
  const body = `This repository is at template v${to}, but for its workflows.\n${workflowSection(workflows)}`;
  return { title: `Workflows of template v${to}, to be applied by hand`, body };
}

/** Asks before a new major version. */
export function questionOf({ from, to, changelog }: Pick<Prepared, 'from' | 'to' | 'changelog'>): { title: string; body: string } {
  const breaking = changelog.flatMap(({ text }) => breakingEntries(text)).map((entry) => `- ${quoteForPull(entry).replaceAll('\n', ' ')}`);
  const body = [
    `The template v${to} is a new major version; this repository is at v${from}.`,
    section('What breaks', breaking.length > 0 ? listed(breaking, MOST_CHANGELOG) : ['- The changelog names nothing in particular.']),
    `\nTo have it proposed as a pull request, comment \`/banyan update\` (with write access), or add the label \`${AGREED}\`. `,
    'To have that always: `"majors": true` in `.banyan/template.json`. Closing this issue declines it; minor versions are proposed all the same.\n',
  ].join('');
  return { title: `Template v${to} is a new major version: update?`, body };
}

/** The label by which a new major version is agreed to. */
export const AGREED = 'template-update';

export interface ResolutionRequest {
  branch: string;
  pull: number;
  prefix: string;
  /** Those that Banyan is asked for. */
  asked: readonly Conflict[];
  /** Files with conflicts that stay with people. */
  kept: readonly string[];
}

/** Asks the child's own Banyan to resolve what the merge could not. Read by a tired maintainer as well. */
export function conflictIssueOf(prepared: Prepared, { branch, pull, prefix, asked, kept }: ResolutionRequest): { title: string; body: string } {
  const list = asked.map(({ path, count }) => `- [ ] \`${prefix}${path}\` on the branch \`${branch}\` has no conflict marker left (${count} now)`);
  const excerpts = prepared.changes
    .filter(({ path }) => asked.some((conflict) => conflict.path === path))
    .map(({ path, content }) => `### \`${prefix}${path}\`\n\n${fenced(conflictParts(content ?? ''), '')}`);
  const others = kept.map((path) => `\`${prefix}${path}\``).join(', ');
  const body = [
    `#${pull} updates the template from v${prepared.from} to v${prepared.to}, and both sides changed the same lines. The conflicts stand in the files on its branch \`${branch}\`, and this issue is about that branch alone.\n\n`,
    `Each conflict shows our text (\`<<<<<<< your child\`), what it was in template v${prepared.from} (\`|||||||\`), and the new text of the template (\`=======\` to \`>>>>>>>\`). `,
    'Propose the text that keeps what we meant and takes what the template improved, and change nothing else.\n',
    kept.length === 0 ? '' : `\nNot part of this: ${others}. No agent may change these, and people resolve the conflicts there.\n`,
    section('Acceptance criteria', [
      ...list,
      kept.length === 0 ? '- [ ] `npm run check` and `npm test` pass' : '- [ ] `npm test` passes, as far as it runs with the conflicts that are left to people',
    ]),
    section('What happens', [
      kept.length === 0
        ? `Banyan opens a pull request into \`${branch}\`, with the proof of QA and a review. Merge that, and #${pull} is taken out of draft by the next run of the update; then merge #${pull}.`
        : `Banyan opens a pull request into \`${branch}\`, with the proof of QA and a review. Merge that, resolve ${others} on \`${branch}\` yourself, and #${pull} is taken out of draft by the next run of the update; then merge #${pull}.`,
      '',
      `As long as this issue is open, #${pull} is not refreshed. Close it to resolve the conflicts yourself.`,
    ]),
    section('Conflicts', excerpts),
  ].join('');
  return { title: `Resolve the conflicts of template v${prepared.to}`, body: truncateLines(body, MOST_CHARACTERS) };
}

/** The marked parts of a text, without what is between them. */
function conflictParts(text: string): string {
  const parts = text.match(/^<{7} [^]*?^>{7} .*$/gm) ?? [];
  return truncateLines(parts.join('\n'), 8_000);
}
