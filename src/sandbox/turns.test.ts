import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

it('does one thing after the other, past a failure', async () => {
  const inTurn = createTurns();
  const steps: string[] = [];
  const first = Promise.withResolvers<void>();
  const turns = [
    inTurn(async () => {
      steps.push('first begins');
      await first.promise;
      steps.push('first ends');
    }),
    inTurn(async () => {
      steps.push('second');
      throw new Error('of its own');
    }),
    inTurn(async () => steps.push('third')),
  ];
  first.resolve();
  const results = await Promise.allSettled(turns);
  expect(steps).toEqual(['first begins', 'first ends', 'second', 'third']);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
