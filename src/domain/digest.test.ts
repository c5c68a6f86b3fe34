import { expect, it } from 'vitest';
import { renderDigest } from './digest.ts';
import type { DigestFigures } from './digest.ts';

const NOTHING: DigestFigures = { states: {}, done: [], done_count: 0, cost_usd: 0, runs: 0, waiting: [], waiting_count: 0, found: [], unusual: 0 };
const NOW = new Date('2026-11-23T06:00:00Z');

it('a quiet week is one line', () => {
  expect(renderDigest(NOTHING, '2026-W48', NOW)).toBe('### Banyan: week 2026-W48\n\nOpen: nothing. Done in seven days: 0. 0 runs began and cost $0.00.');
});

it('says what is open, done, waiting and worth a look, with the words of strangers quoted', () => {
  const text = renderDigest(
    {
      states: { failed: 1, in_progress: 2 },
      done: [{ number: 3, title: 'Greet @everybody <!-- x' }],
      done_count: 4,
      cost_usd: 1.5,
      runs: 1,
      waiting: [{ number: 5, title: 'Slow', waiting_for: 'answers', since: '2026-11-20T06:00:00Z' }],
      waiting_count: 1,
      found: [{ number: 9, finding: 'duplicate:#5 overlap:#7,#8' }],
      unusual: 2,
    },
    '2026-W48',
    NOW,
  );
  expect(text).toContain('Open: 2 being built, 1 needing a person. Done in seven days: 4. 1 run began and cost $1.50.');
  expect(text).toContain('- #3 Greet @\u200beverybody &lt;!-- x\n- and 3 more');
  expect(text).toContain('- #5 Slow: answers, for 3 d');
  expect(text).toContain('- #9 asks for the same as #5, changes the same lines as #7, #8\n- 2 unusual runs');
});
