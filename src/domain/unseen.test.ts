import { expect, it } from 'vitest';
import { decideUnseen } from './unseen.ts';
import type { Unseen } from './unseen.ts';

const TICKET = { project_id: 'p', number: 7, version: 9, state: 'in_qa' as const };
const effect = (kind: string): Unseen => ({ key: kind, kind, lane: kind, payload: { state: 'analyzing' } });

it('is wanted again five times, each after a longer pause, and then no more', () => {
  let tries: number | null = null;
  const told: [number, number][] = [];
  for (let look = 0; look < 8; look += 1) {
    const decision = decideUnseen(TICKET, [effect('comment')], tries);
    told.push([decision.intents.length, decision.nextLookSeconds / 60]);
    tries = decision.tries;
  }
  expect(told).toEqual([
    [0, 10],
    [1, 30],
    [1, 120],
    [1, 480],
    [1, 1440],
    [1, 360],
    [0, 360],
    [0, 360],
  ]);
});

it('shows the label of where the issue is now, once, and the rest as it was', () => {
  const { intents } = decideUnseen(TICKET, [effect('label'), effect('comment'), effect('label')], 1);
  expect(intents).toMatchObject([
    { type: 'effect', key: 'comment', rearm: true },
    { type: 'effect', kind: 'label', payload: { state: 'in_qa' } },
  ]);
  expect(decideUnseen(TICKET, [effect('comment')], 1).intents).toHaveLength(1);
});
