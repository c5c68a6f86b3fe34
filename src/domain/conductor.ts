import { say } from './effects.ts';
import type { Intent } from './intents.ts';
import { quoteForLine } from './quote.ts';

/** What one ticket has to do with others of its repository. */
export interface Relations {
  /** The oldest open issue that asks for the same. */
  duplicateOf: { number: number; title: string } | null;
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
}

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

function duplicateText({ number, title }: { number: number; title: string }): string {
  return `This issue looks much like #${number} ("${quoteForLine(title)}"). I close nothing and work on both. If they ask for the same, a maintainer can close one of them: that stops my work on it.`;
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

/** What is said that was not said before; each pair once, whoever looks. */
export function tell(
  { projectId, number, pull }: ConductorTicket,
  { duplicateOf, overlaps }: Relations,
  told: readonly string[],
): { intents: Intent[]; did: string[]; told: string[] } {
  const intents: Intent[] = [];
  const did: string[] = [];
  const names: string[] = [];
  const duplicate = duplicateOf ? `duplicate:${duplicateOf.number}` : null;
  if (duplicateOf && duplicate && !told.includes(duplicate)) {
    intents.push(say({ projectId, number }, `conductor/${duplicate}`, 'conductor', duplicateText(duplicateOf)));
    did.push('duplicate');
    names.push(duplicate);
  }
  const fresh = overlaps.filter((overlap) => !told.includes(`overlap:${overlap.pull}`));
  const [first] = fresh;
  if (pull !== null && first) {
    intents.push(say({ projectId, number: pull }, `conductor/overlap/${first.pull}`, 'conductor', overlapText(pull, fresh)));
    did.push('overlap');
    names.push(...fresh.map((overlap) => `overlap:${overlap.pull}`));
  }
  return { intents, did, told: [...told, ...names] };
}
