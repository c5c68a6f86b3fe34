import type { BanyanError } from '../../src/kernel/errors.ts';
import type { LocalState } from '../../src/spawn/update/check.ts';
import type { Change } from '../../src/spawn/update/plan.ts';
import { conflictsOf, type Prepared } from '../../src/spawn/update/prepare.ts';

/** What `--json` prints of an update: all but the texts. */
export function preparedData(prepared: Prepared) {
  const { from, to, waits, changes, notices, codemods, questions, changelog } = prepared;
  return {
    from,
    to,
    waits,
    changes: changes.map(({ content: _content, ...change }) => change),
    notices,
    conflicts: conflictsOf(prepared),
    codemods,
    questions,
    changelog,
  };
}

function changeLine({ kind, path, from, conflicts }: Change): string {
  const what = from === undefined ? path : `${from} -> ${path}`;
  const count = conflicts > 0 ? `  (${conflicts} ${conflicts === 1 ? 'conflict' : 'conflicts'})` : '';
  return `  ${kind.padEnd(8)} ${what}${count}`;
}

/** What an update does, or would do. */
export function planReport({ from, to, changes, notices, codemods, questions }: Prepared): string {
  return [
    from === to ? `Template v${to}, which has changed since:` : `Template v${from} -> v${to}:`,
    ...(changes.length === 0 ? ['  no file of yours changes'] : changes.map(changeLine)),
    ...notices.map(({ message }) => `  note     ${message}`),
    ...codemods.flatMap(({ title, notes }) => [`  codemod  ${title}`, ...notes.map((note) => `             ${note}`)]),
    ...questions.map(
      ({ question, answer }) => `  new      ${question}: ${JSON.stringify(answer)} by default; a terminal is asked, and --data <file> answers it`,
    ),
  ].join('\n');
}

/** Of an update that only its own code can render. */
export function outlineReport({ from, to }: Pick<Prepared, 'from' | 'to'>): string {
  return `Template v${from} -> v${to}, which its own code carries out: npx banyan update --dry-run shows what changes.`;
}

/** What comes next. */
export function doneReport(prepared: Prepared, installed: boolean): string {
  const conflicts = conflictsOf(prepared);
  const aside = prepared.asides.length > 0 ? [`Your edits of managed files are in .banyan/replaced/v${prepared.from}/.`] : [];
  const solve =
    conflicts.length === 0
      ? []
      : [
          `Conflicts: ${conflicts.map(({ path, count }) => `${path} (${count})`).join(', ')}.`,
          'Choose between the sides, and remove the markers; npx banyan update --check says what is left.',
        ];
  const next = [...(installed ? [] : ['npm install']), 'npm run check && npm test', 'git diff, then commit'];
  return [`Now at template v${prepared.to}.`, ...aside, ...solve, 'Next:', ...next.map((step) => `  ${step}`)].join('\n');
}

export interface Lookout {
  /** What there is to say of an update that waits. */
  waiting: string | undefined;
  failed: BanyanError | undefined;
  looked: boolean;
}

export function checkReport(
  version: string,
  { problems, deleted, unknown }: LocalState & { unknown: readonly string[] },
  { waiting, failed, looked }: Lookout,
): string {
  const update = (() => {
    if (failed) return [`Whether an update waits is not known: ${failed.message}`, ...(failed.fix === undefined ? [] : [failed.fix])];
    if (waiting !== undefined) return [waiting, 'Take it with: npx banyan update'];
    return looked ? ['No update waits.'] : [];
  })();
  return [
    `Template v${version}.`,
    ...problems.flatMap(({ message, fix }) => [message, `  ${fix}`]),
    ...(deleted.length === 0 ? [] : [`Deleted by you: ${deleted.join(', ')}.`]),
    ...(unknown.length === 0
      ? []
      : [`Of a newer version, and kept as it is: ${unknown.join(', ')} in .banyan/template.json. npm install brings that version.`]),
    ...(problems.length === 0 ? ['The files of the template are in order.'] : []),
    ...update,
  ].join('\n');
}
