import { expect, it } from 'vitest';
import { findingOf, mergeOrder, tell } from './conductor.ts';

const ticket = { projectId: 'p', number: 12, pull: 20, approved: true };
const overlaps = [
  { pull: 15, paths: ['src/a.ts'], size: 50, ownSize: 10 },
  { pull: 17, paths: ['src/a.ts', 'src/b`.ts'], size: 3, ownSize: 10 },
];
const both = { duplicateOf: { number: 5, title: 'Hello @maintainer <b>', between: 0 }, overlaps };

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

it('what was told on one pull request of an issue is told again on its next one', () => {
  const first = tell(ticket, both, []);
  expect(tell({ ...ticket, pull: 30 }, both, first.told).intents).toMatchObject([{ key: 'p#30/comment/conductor/overlap/15' }]);
});

it('of copies that nobody approved the first few are told; the others once they are worked on', () => {
  const copy = (between: number) => ({ duplicateOf: { number: 5, title: 'a', between }, overlaps: [] });
  const stranger = { ...ticket, pull: null, approved: false };
  expect([0, 2, 3, 28].map((between) => tell(stranger, copy(between), []).intents.length)).toEqual([1, 1, 0, 0]);
  const { told, did } = tell(stranger, copy(3), []);
  expect(did).toEqual([]);
  // The copies before it were closed meanwhile.
  expect(tell(stranger, copy(0), told)).toEqual({ intents: [], did: [], told });
  const approved = tell({ ...stranger, approved: true }, copy(3), told);
  expect(approved.intents).toMatchObject([{ key: 'p#12/comment/conductor/duplicate:5', payload: { body: expect.stringContaining('work on both') } }]);
  expect(tell(stranger, copy(0), approved.told).intents).toEqual([]);
  expect(tell(stranger, copy(0), []).intents).toMatchObject([{ payload: { body: expect.stringContaining('begin nothing here before a maintainer') } }]);
});
