import semver from 'semver';
import { stripInvisible, truncateEnd } from '../../kernel/text.ts';
import type { Drift, Fleet, FleetChild } from './look.ts';

export const FLEET_MARKER = '<!-- banyan:fleet -->';
export const FLEET_TITLE = 'Fleet: the children of this template';

function age({ version }: FleetChild, mother: string): string {
  if (!semver.valid(version) || !semver.valid(mother)) return '';
  if (semver.eq(version, mother)) return 'current';
  return semver.gt(version, mother) ? 'newer than this' : `${semver.diff(version, mother) ?? 'some'} behind`;
}

function listed(names: readonly string[], most: number): string {
  return names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', ');
}

function driftText(drift: Drift | null, most = Infinity): string {
  if (!drift) return 'unknown';
  const { managed, missing, merged } = drift;
  const parts = [
    managed.length > 0 ? `managed edited: ${listed(managed, most)}` : '',
    missing.length > 0 ? `managed missing: ${listed(missing, most)}` : '',
    merged > 0 ? `${merged} merged edited` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'none' : parts.join('; ');
}

function checkText({ lastCheck }: FleetChild): string {
  return lastCheck ? `${lastCheck.at} ${lastCheck.outcome}` : 'never seen';
}

function plural(count: number, word: string, more = `${word}s`): string {
  return `${count} ${count === 1 ? word : more}`;
}

/** What a stranger's repository says, in one line, without what a terminal would obey or nobody sees. */
function oneLine(text: string): string {
  return stripInvisible(text).replaceAll(/[\t\n]+/g, ' ');
}

export function fleetText(fleet: Fleet): string {
  const { children, seen, truncated, version, unseen } = fleet;
  const head = `${plural(children.length, 'child', 'children')} of the template v${version} in ${plural(seen, 'repository', 'repositories')} that the token sees${truncated ? ' (there are more than were looked at)' : ''}.`;
  const rows = children.flatMap((child) => [
    '',
    `${child.repository}  ${child.version}${age(child, version) === '' ? '' : ` (${age(child, version)})`}  ${child.domain}`,
    child.problem === null ? `  drift: ${driftText(child.drift)}` : `  ${child.problem}`,
    `  last check: ${checkText(child)}`,
    ...(child.waiting === null ? [] : [`  update waits: ${child.waiting}`]),
    ...(child.refusals.length === 0 ? [] : [`  refused: ${child.refusals.join(', ')}`]),
  ]);
  const missed = unseen.map(({ repository, why }) => `  ${repository}: ${why}`);
  return [head, ...rows, ...(missed.length === 0 ? [] : ['', `${couldNot(missed.length)}:`, ...missed])].map(oneLine).join('\n');
}

function couldNot(count: number): string {
  return `${plural(count, 'repository', 'repositories')} could not be looked at`;
}

const MOST_CELL = 200;

/** One cell of a table: what a stranger's repository says must not end it, nor name anybody, nor refer to anything. */
function cell(text: string): string {
  const line = oneLine(text).replaceAll(/\s+/g, ' ');
  const short = line.length > MOST_CELL ? `${truncateEnd(line, MOST_CELL)} ...` : line;
  return short
    .replaceAll(/[\\|`<>[\]*_~@#&]/g, String.raw`\$&`)
    .replaceAll(String.raw`\@`, '@\u200b')
    .replaceAll(/(?<=\b(?:https?|wss?|ftp):)(?=\/\/)|(?<=\bwww)(?=\.)|(?<=#|\bGH-)(?=\d)/gi, '\u200b');
}

/** Names of drifted files in a row; the child's own check names all. */
const MOST_FILES = 5;

function row(child: FleetChild, version: string): string {
  const behind = age(child, version);
  const check = child.lastCheck ? `[${cell(checkText(child))}](${child.lastCheck.url})` : 'never seen';
  const drift = child.problem ?? driftText(child.drift, MOST_FILES);
  const update = child.waiting === null ? '' : `[waits](${child.waiting})`;
  const cells = [
    `[${cell(child.repository)}](${child.url})`,
    cell(child.domain),
    cell(`${child.version}${behind === '' ? '' : ` (${behind})`}`),
    cell(drift),
    check,
    update,
    cell(child.refusals.join(', ')),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** GitHub takes 65,536 characters. */
const MOST_CHARACTERS = 60_000;

/** Repositories by the rows of a text that was written here before: what could not be looked at this time keeps its row. */
function rowsIn(body: string): Map<string, string> {
  const rows = body.split(/\r?\n/).flatMap((line) => {
    const url = /^\| \[[^\n]*?\]\(https?:\/\/[^/\s)]+\/([\w.-]+\/[\w.-]+)\) \| .* \|$/.exec(line)?.[1];
    return url !== undefined && line.length <= MOST_ROW ? [[url, line] as const] : [];
  });
  return new Map(rows);
}

/** Longer than any that is written here. */
const MOST_ROW = 4_000;

/** What asks for somebody comes first, so that it is there where not all is: problems, then edited files, then those that are behind. */
function urgency({ problem, drift, version }: FleetChild, mother: string): number {
  if (problem !== null) return 0;
  if (drift && drift.managed.length + drift.missing.length > 0) return 1;
  return semver.valid(version) && semver.valid(mother) && semver.lt(version, mother) ? 2 : 3;
}

/** As many rows as there is room for. */
function withinRoom(rows: readonly string[], room: number): string[] {
  let used = 0;
  const end = rows.findIndex((line) => (used += line.length + 1) > room);
  return end === -1 ? [...rows] : rows.slice(0, end);
}

export interface BodyOptions {
  /** False leaves private children unnamed: whoever reads the issue may not see them. */
  named: boolean;
  /** What the issue says by now. */
  before?: string;
}

/** The text of the issue. The same fleet gives the same text. */
export function fleetBody({ children, version, truncated, unseen }: Fleet, { named, before = '' }: BodyOptions): string {
  const old = rowsIn(before);
  const shown = children.filter((child) => named || !child.private).toSorted((a, b) => urgency(a, version) - urgency(b, version));
  const hidden = children.length - shown.length;
  const missed = [...shown.filter((child) => child.unseen), ...unseen.filter((repository) => named || !repository.private)].map(({ repository }) => repository);
  const kept = missed.filter((repository) => old.has(repository));
  const rows = [
    ...kept.map((repository) => old.get(repository) ?? ''),
    ...shown.filter(({ repository }) => !kept.includes(repository)).map((child) => row(child, version)),
  ];
  const counted = new Set([...children.map(({ repository }) => repository), ...kept]).size;
  const notes = [
    ...(unseen.length === 0 ? [] : [`**${couldNot(unseen.length)}** this time; of which that are children, nobody knows.`]),
    ...(kept.length === 0 ? [] : [`These rows are from before: ${listed(kept.map(cell), 50)}.`]),
  ];
  const head = [
    FLEET_MARKER,
    `The template is at v${version}. ${plural(counted, 'child', 'children')}${hidden > 0 ? `, of which ${hidden} in private repositories ${hidden === 1 ? 'is' : 'are'} not named here` : ''}${truncated ? '; there may be more' : ''}.`,
    '',
    ...(notes.length === 0 ? [] : [notes.join(' '), '']),
  ];
  const table = ['| Child | Domain | Version | Drift | Last check | Update | Refused |', '| --- | --- | --- | --- | --- | --- | --- |'];
  const fitting = withinRoom(rows, MOST_CHARACTERS - head.join('\n').length);
  return [
    ...head,
    ...(rows.length === 0 ? [] : [...table, ...fitting, '']),
    ...(fitting.length < rows.length ? [`And ${rows.length - fitting.length} more: \`npx banyan fleet\``, ''] : []),
    '`npx banyan fleet --issue` keeps this issue current; edits to it are lost. A child leaves it with `"fleet": false` in `.banyan/template.json`.',
    '',
  ].join('\n');
}
