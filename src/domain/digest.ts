import { usd } from '../kernel/money.ts';
import { humanDuration } from '../kernel/time.ts';
import type { TicketState } from './model.ts';
import { quoteForLine } from './quote.ts';

/** The last seven days of one repository. Lists are cut, the counts beside them are whole. */
export interface DigestFigures {
  states: Partial<Record<TicketState, number>>;
  done: { number: number; title: string }[];
  done_count: number;
  cost_usd: number;
  runs: number;
  waiting: { number: number; title: string; waiting_for: string; since: string }[];
  waiting_count: number;
  /** What the conductor finds: `duplicate:#5 overlap:#7`. */
  found: { number: number; finding: string }[];
  unusual: number;
}

/** In the order in which an issue goes through them. */
const STATE_WORDS: [TicketState, string][] = [
  ['awaiting_approval', 'awaiting approval'],
  ['analyzing', 'being clarified'],
  ['needs_clarification', 'waiting for answers'],
  ['ready_for_dev', 'ready for development'],
  ['in_progress', 'being built'],
  ['in_qa', 'being tested'],
  ['in_review', 'in review'],
  ['blocked', 'blocked'],
  ['paused', 'paused'],
  ['failed', 'needing a person'],
];

function more(count: number, shown: number): string[] {
  return count > shown ? [`- and ${count - shown} more`] : [];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `**${title}**`, '', ...lines];
}

/** As `domain/conductor.ts` names it. */
function inWords(finding: string): string {
  return finding
    .replace(/^duplicate:/, 'asks for the same as ')
    .replace(/^overlap:/, 'changes the same lines as ')
    .replaceAll(',', ', ');
}

/** The comment of one week, from the figures alone. */
export function renderDigest(figures: DigestFigures, week: string, now: Date): string {
  const { states, done, waiting, found } = figures;
  const open = STATE_WORDS.flatMap(([state, words]) => (states[state] ? [`${states[state]} ${words}`] : []));
  const runs = `${figures.runs} ${figures.runs === 1 ? 'run' : 'runs'}`;
  return [
    `### Banyan: week ${week}`,
    '',
    `Open: ${open.length === 0 ? 'nothing' : open.join(', ')}. Done in seven days: ${figures.done_count}. ${runs} began and cost ${usd(figures.cost_usd)}.`,
    ...section('Done', [...done.map(({ number, title }) => `- #${number} ${quoteForLine(title)}`), ...more(figures.done_count, done.length)]),
    ...section('Waiting for people', [
      ...waiting.map(
        ({ number, title, waiting_for: what, since }) =>
          `- #${number} ${quoteForLine(title)}: ${what}, for ${humanDuration(now.getTime() - Date.parse(since))}`,
      ),
      ...more(figures.waiting_count, waiting.length),
    ]),
    ...section('Worth a look', [
      ...found.map(({ number, finding }) => `- #${number} ${finding.split(' ').map(inWords).join(', ')}`),
      ...(figures.unusual > 0 ? [`- ${figures.unusual} unusual ${figures.unusual === 1 ? 'run' : 'runs'}`] : []),
    ]),
  ].join('\n');
}
