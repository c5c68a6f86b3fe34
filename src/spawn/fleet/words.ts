import semver from 'semver';
import type { Drift, Fleet, FleetChild } from './look.ts';

export const FLEET_MARKER = '<!-- banyan:fleet -->';
export const FLEET_TITLE = 'Fleet: the children of this template';

function age({ version }: FleetChild, mother: string): string {
  if (!semver.valid(version) || !semver.valid(mother)) return '';
  if (semver.eq(version, mother)) return 'current';
  return semver.gt(version, mother) ? 'newer than this' : `${semver.diff(version, mother) ?? 'some'} behind`;
}

function driftText(drift: Drift | null): string {
  if (!drift) return 'unknown';
  const { managed, missing, merged } = drift;
  const parts = [
    managed.length > 0 ? `managed edited: ${managed.join(', ')}` : '',
    missing.length > 0 ? `managed missing: ${missing.join(', ')}` : '',
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

export function fleetText(fleet: Fleet): string {
  const { children, seen, truncated, version } = fleet;
  const head = `${plural(children.length, 'child', 'children')} of the template v${version} in ${plural(seen, 'repository', 'repositories')} that the token sees${truncated ? ' (there are more than were looked at)' : ''}.`;
  const rows = children.map((child) =>
    [
      `\n${child.repository}  ${child.version}${age(child, version) === '' ? '' : ` (${age(child, version)})`}  ${child.domain}`,
      child.problem === null ? `  drift: ${driftText(child.drift)}` : `  ${child.problem}`,
      `  last check: ${checkText(child)}`,
      ...(child.waiting === null ? [] : [`  update waits: ${child.waiting}`]),
      ...(child.refusals.length === 0 ? [] : [`  refused: ${child.refusals.join(', ')}`]),
    ].join('\n'),
  );
  return [head, ...rows].join('\n');
}

/** One cell of a table: what a stranger's repository says must not end it, nor name anybody. */
function cell(text: string): string {
  return text
    .replaceAll(/[\r\n]+/g, ' ')
    .replaceAll(/[\\|`<>[\]*_~@#]/g, String.raw`\$&`)
    .replaceAll(String.raw`\@`, '@\u200b')
    .slice(0, 300);
}

function row(child: FleetChild, version: string): string {
  const behind = age(child, version);
  const check = child.lastCheck ? `[${cell(checkText(child))}](${child.lastCheck.url})` : 'never seen';
  const drift = child.problem ?? driftText(child.drift);
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

/** GitHub takes 65 536 characters. */
const MOST_ROWS = 100;

/**
 * The text of the issue. The same fleet gives the same text.
 * @param named false leaves private children unnamed: whoever reads the issue may not see them
 */
export function fleetBody({ children, version, truncated }: Fleet, { named }: { named: boolean }): string {
  const shown = children.filter((child) => named || !child.private);
  const hidden = children.length - shown.length;
  const table = [
    '| Child | Domain | Version | Drift | Last check | Update | Refused |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...shown.map((child) => row(child, version)),
  ];
  return [
    FLEET_MARKER,
    `The template is at v${version}. ${plural(children.length, 'child', 'children')}${hidden > 0 ? `, of which ${hidden} in private repositories ${hidden === 1 ? 'is' : 'are'} not named here` : ''}${truncated ? '; there may be more' : ''}.`,
    '',
    ...(shown.length === 0 ? [] : [...table, '']),
    ...(shown.length > MOST_ROWS ? [`And ${shown.length - MOST_ROWS} more: \`npx banyan fleet\``, ''] : []),
    '`npx banyan fleet --issue` keeps this issue current; edits to it are lost. A child leaves it with `"fleet": false` in `.banyan/template.json`.',
    '',
  ].join('\n');
}
