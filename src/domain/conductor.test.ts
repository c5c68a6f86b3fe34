import { expect, it } from 'vitest';
import { findingOf, mergeOrder, tell } from './conductor.ts';

const ticket = { projectId: 'p', number: 12, pull: 20 };
const overlaps = [
  { pull: 15, paths: ['src/a.ts'], size: 50, ownSize: 10 },
  { pull: 17, paths: ['src/a.ts', 'src/b`.ts'], size: 3, ownSize: 10 },
];
const both = { duplicateOf: { number: 5, title: 'Hello @maintainer <b>' }, overlaps };

it('what is found is named by what it concerns, and nothing has no name', () => {
  expect(findingOf(both)).toBe('duplicate:#5 overlap:#15,#17');
  expect(findingOf({ duplicateOf: null, overlaps: [] })).toBeNull();
});

it('small pull requests come first, then older ones', () => {
  expect(mergeOrder(20, overlaps)).toEqual([17, 20, 15]);
  expect(mergeOrder(20, [{ pull: 15, paths: ['a'], size: 10, ownSize: 10 }])).toEqual([15, 20]);
});

it('each is said once, a new one by itself, with the words of strangers quoted', () => {
  const first = tell(ticket, both, []);
  expect(first.did).toEqual(['duplicate', 'overlap']);
  expect(first.intents).toMatchObject([
    { key: 'p#12/comment/conductor/duplicate:5', payload: { number: 12, body: expect.stringContaining('"Hello @\u200bmaintainer &lt;b>"') } },
    { key: 'p#20/comment/conductor/overlap/15', payload: { number: 20, body: expect.stringContaining('- #17: `src/a.ts`, `src/b.ts`') } },
  ]);
  expect(tell(ticket, both, first.told)).toMatchObject({ intents: [], did: [] });
  const another = tell(ticket, { duplicateOf: null, overlaps: [...overlaps, { pull: 18, paths: ['c'], size: 1, ownSize: 10 }] }, first.told);
  expect(another.intents).toMatchObject([{ key: 'p#20/comment/conductor/overlap/18' }]);
});
