import type { Transcript } from './transcript.ts';

/** What was settled about discount codes, by answers or by assumption. */
export interface Decisions {
  percent: boolean;
  fixed: boolean;
  /** Whether several codes count together. */
  combine: boolean;
  expiry: boolean;
}

export const ASSUMED: Decisions = { percent: true, fixed: false, combine: false, expiry: true };

const CRITERIA = {
  percent: 'A percentage code takes its share off the total, rounded to the cent.',
  fixed: 'A fixed-amount code takes its amount off the total.',
  single: 'One code counts; codes are not combined.',
  combined: 'Several codes may be given; each takes its part off what is left.',
  expiry: 'A code counts up to and including its last day; after that it takes nothing off.',
  never: 'The total never falls below zero.',
  unknown: 'A code that does not exist is refused with an error that names it; upper and lower case do not matter.',
} as const;

/** The demo issue is the one about discount codes in a cart. Later roles find its words in their briefs. */
export function isDemo(transcript: Transcript): boolean {
  return /discount[ -]codes?\b/i.test(transcript.opening) && /\bcart\b/i.test(transcript.opening);
}

export function criteriaOf(decisions: Decisions): string[] {
  return [
    ...(decisions.percent ? [CRITERIA.percent] : []),
    ...(decisions.fixed ? [CRITERIA.fixed] : []),
    decisions.combine ? CRITERIA.combined : CRITERIA.single,
    ...(decisions.expiry ? [CRITERIA.expiry] : []),
    CRITERIA.never,
    CRITERIA.unknown,
  ];
}

/** The other way round: what the criteria in a brief ask for. */
export function decisionsOf(brief: string): Decisions {
  const percent = brief.includes(CRITERIA.percent);
  const fixed = brief.includes(CRITERIA.fixed);
  if (!percent && !fixed) return ASSUMED;
  return { percent, fixed, combine: brief.includes(CRITERIA.combined), expiry: brief.includes(CRITERIA.expiry) };
}
