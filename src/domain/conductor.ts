import { say } from './effects.ts';
import type { Intent } from './intents.ts';
import { quoteForLine } from './quote.ts';

/** What one ticket has to do with others of its repository. */
export interface Relations {
  /** The oldest open issue that asks for the same, and how many do between the two. */
  duplicateOf: { number: number; title: string; between: number } | null;
  /** Older pull requests that change the same lines. */
  overlaps: readonly Overlap[];
}

export interface Overlap {
  pull: number;
  paths: readonly string[];
  /** Lines that each of the two changes. */
  size: number;
  ownSize: number;
}

export interface ConductorTicket {
  projectId: string;
  number: number;
  pull: number | null;
  /** False while a maintainer has yet to say whether anything is done about it. */
  approved: boolean;
}

/** Of copies that nobody approved, so many are told: anybody can open more. */
const TOLD_COPIES = 3;
const SHOWN_PATHS = 5;
const SHOWN_PULLS = 5;

/** The identity of what is found: the same as long as it concerns the same issues and pull requests. */
export function findingOf({ duplicateOf, overlaps }: Relations): string | null {
  const parts = [
    ...(duplicateOf ? [`duplicate:#${duplicateOf.number}`] : []),
    ...(overlaps.length > 0 ? [`overlap:${overlaps.map(({ pull }) => `#${pull}`).join(',')}`] : []),
  ];
  return parts.length === 0 ? null : parts.join(' ');
}

function duplicateText({ number, title }: { number: number; title: string }, approved: boolean): string {
  const looks = `This issue looks much like #${number} ("${quoteForLine(title)}").`;
  return approved
    ? `${looks} I close nothing and work on both. If they ask for the same, a maintainer can close one of them: that stops my work on it.`
    : `${looks} I close nothing, and begin nothing here before a maintainer approves it. If they ask for the same, a maintainer can close one of them.`;
}

function pathsOf({ pull, paths }: Overlap): string {
  const shown = paths.slice(0, SHOWN_PATHS).map((path) => `\`${path.replaceAll(/[`\n]/g, '')}\``);
  const more = paths.length > SHOWN_PATHS ? ` and ${paths.length - SHOWN_PATHS} more` : '';
  return `- #${pull}: ${shown.join(', ')}${more}`;
}

/** The smaller ones first, then the older: then the least has to be brought up to date. */
export function mergeOrder(own: number, overlaps: readonly Overlap[]): number[] {
  const ownSize = overlaps[0]?.ownSize ?? 0;
  const all = [...overlaps.map(({ pull, size }) => ({ pull, size })), { pull: own, size: ownSize }];
  return all.toSorted((a, b) => a.size - b.size || a.pull - b.pull).map(({ pull }) => pull);
}

function overlapText(own: number, overlaps: readonly Overlap[]): string {
  const shown = overlaps.slice(0, SHOWN_PULLS);
  const order = mergeOrder(own, shown).map((pull) => `#${pull}`);
  return [
    'This pull request changes the same lines as others of mine:',
    '',
    ...shown.map(pathsOf),
    '',
    `Merged in the order ${order.join(', ')} (small ones first), the least has to be brought up to date. After each merge the next one needs a look at these files; I merge nothing.`,
  ].join('\n');
}

interface Told {
  intents: Intent[];
  did: string[];
  told: string[];
}

const NOTHING_TOLD: Told = { intents: [], did: [], told: [] };

function tellDuplicate({ projectId, number, approved }: ConductorTicket, { duplicateOf }: Relations, told: readonly string[]): Told {
  if (!duplicateOf) return NOTHING_TOLD;
  const name = `duplicate:${duplicateOf.number}`;
  const hushed = `hushed:${duplicateOf.number}`;
  if (told.includes(name) || (!approved && told.includes(hushed))) return NOTHING_TOLD;
  // For good, or closing the copies one by one would have the others told one by one.
  if (!approved && duplicateOf.between >= TOLD_COPIES) return { ...NOTHING_TOLD, told: [hushed] };
  return { intents: [say({ projectId, number }, `conductor/${name}`, 'conductor', duplicateText(duplicateOf, approved))], did: ['duplicate'], told: [name] };
}

function tellOverlaps({ projectId, pull }: ConductorTicket, { overlaps }: Relations, told: readonly string[]): Told {
  // An issue whose pull request was closed can get another one: what was told of the one is not known of the other.
  const nameOf = (overlap: Overlap) => `overlap:${pull}/${overlap.pull}`;
  const fresh = overlaps.filter((overlap) => !told.includes(nameOf(overlap)));
  const [first] = fresh;
  if (pull === null || !first) return NOTHING_TOLD;
  const comment = say({ projectId, number: pull }, `conductor/overlap/${first.pull}`, 'conductor', overlapText(pull, fresh));
  return { intents: [comment], did: ['overlap'], told: fresh.map(nameOf) };
}

/** What is said that was not said before; each pair once, whoever looks. */
export function tell(ticket: ConductorTicket, relations: Relations, before: readonly string[]): Told {
  const duplicate = tellDuplicate(ticket, relations, before);
  const overlap = tellOverlaps(ticket, relations, before);
  return {
    intents: [...duplicate.intents, ...overlap.intents],
    did: [...duplicate.did, ...overlap.did],
    told: [...before, ...duplicate.told, ...overlap.told],
  };
}
