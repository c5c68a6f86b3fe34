import { describe, expect, it } from 'vitest';
import { updateBranch } from '../../../domain/update-issue.ts';
import { chooseVersions, decide, ownership, versionOf, type Situation, type UpdatePull } from './decide.ts';

const pull = (number: number, version: string, rest: Partial<UpdatePull> = {}): UpdatePull => ({
  number,
  branch: updateBranch(version),
  state: 'open',
  merged: false,
  draft: false,
  head: 'a'.repeat(40),
  ...rest,
});

const SITUATION: Situation = { from: '0.1.0', to: '0.3.0', waits: true, pulls: [], branch: 'absent', refused: [], resolving: false, majorAllowed: false };

describe('decide', () => {
  it.each<[string, Partial<Situation>, object]>([
    ['opens what waits', {}, { kind: 'push', pull: null, superseded: [] }],
    ['refreshes its own', { pulls: [pull(4, '0.3.0')], branch: 'ours' }, { kind: 'push', pull: 4, superseded: [] }],
    ['holds still while its conflicts are resolved', { pulls: [pull(4, '0.3.0')], branch: 'ours', resolving: true }, { kind: 'hold', pull: 4 }],
    ['leaves what was resolved', { pulls: [pull(4, '0.3.0')], branch: 'theirs', resolving: true }, { kind: 'leave', pull: 4 }],
    ['leaves what somebody pushed to', { pulls: [pull(4, '0.3.0')], branch: 'theirs' }, { kind: 'leave', pull: 4 }],
    ["leaves a branch of somebody's own", { branch: 'theirs' }, { kind: 'leave', pull: null }],
    ['takes a closed one for a refusal', { pulls: [pull(4, '0.3.0', { state: 'closed' })] }, { kind: 'refused', pull: 4 }],
    ['remembers a refusal from the book', { refused: ['0.3.0'] }, { kind: 'refused', pull: null }],
    [
      'proposes the next one all the same',
      { pulls: [pull(4, '0.2.0', { state: 'closed' })], refused: ['0.2.0'] },
      { kind: 'push', pull: null, superseded: [] },
    ],
    ['takes one that was opened again', { pulls: [pull(5, '0.3.0'), pull(4, '0.3.0', { state: 'closed' })] }, { kind: 'push', pull: 5, superseded: [] }],
    [
      'proposes again what was merged and changed since',
      { to: '0.1.0', pulls: [pull(4, '0.1.0', { state: 'closed', merged: true })] },
      { kind: 'push', pull: null, superseded: [] },
    ],
    ['supersedes an older one', { pulls: [pull(4, '0.2.0')] }, { kind: 'push', pull: null, superseded: [4] }],
    ['closes what came another way', { waits: false, from: '0.3.0', pulls: [pull(4, '0.3.0')] }, { kind: 'nothing', superseded: [4] }],
    ['asks before a major version', { to: '1.0.0' }, { kind: 'ask' }],
    ['goes ahead with one that was agreed to', { to: '1.0.0', majorAllowed: true }, { kind: 'push', pull: null, superseded: [] }],
    ['keeps one current that is open', { to: '1.0.0', pulls: [pull(4, '1.0.0')], branch: 'ours' }, { kind: 'push', pull: 4, superseded: [] }],
    ['does not ask for a major version that was refused', { to: '1.0.0', pulls: [pull(4, '1.0.0', { state: 'closed' })] }, { kind: 'refused', pull: 4 }],
  ])('%s', (_what, changes, decision) => {
    expect(decide({ ...SITUATION, ...changes })).toEqual(decision);
  });
});

describe('chooseVersions', () => {
  it.each<[string, string[], object]>([
    ['0.1.0', ['0.1.0'], { within: null, major: null }],
    ['0.1.0', ['0.1.1', '0.10.0', '0.9.0'], { within: '0.10.0', major: null }],
    ['1.2.0', ['1.3.0', '2.0.0', '3.1.0', '0.9.0'], { within: '1.3.0', major: '3.1.0' }],
    ['1.2.0', ['2.0.0-rc.1', '1.3.0-beta.1', 'x'], { within: null, major: null }],
  ])('from %s of %j', (current, versions, chosen) => {
    expect(chooseVersions(current, versions)).toEqual(chosen);
  });
});

it('reads the version from a branch of ours alone', () => {
  expect(versionOf('banyan/template-v1.2.3')).toBe('1.2.3');
  expect(versionOf('banyan/template-next')).toBeNull();
});

it("takes a branch for nobody's where its pull request is over, and nobody has pushed since", () => {
  const pushed = { state: 'theirs', head: 'b' } as const;
  const over = { state: 'closed', head: 'b' } as const;
  expect(ownership(pushed, [over])).toBe('ours');
  expect(ownership(pushed, [{ ...over, head: 'a' }])).toBe('theirs');
  expect(ownership(pushed, [over, { state: 'open', head: 'b' }])).toBe('theirs');
  expect(ownership(pushed, [])).toBe('theirs');
  expect(ownership({ state: 'absent', head: null }, [over])).toBe('absent');
});
