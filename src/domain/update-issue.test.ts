import { describe, expect, it } from 'vitest';
import { askedBranch, askedIssue, askedMarker, conflictsMarker, conflictsVersion, holdsConflict, updateBranch } from './update-issue.ts';

describe('the version that an issue asks about', () => {
  it('is that of its marker, wherever it stands', () => {
    expect(conflictsVersion(`Please.\n\n${conflictsMarker('1.2.3')}\n`)).toBe('1.2.3');
    expect(conflictsVersion(`${conflictsMarker('1.2.3-rc.1')}\r\nmore`)).toBe('1.2.3-rc.1');
  });

  it.each([
    ['', 'no marker'],
    [conflictsMarker('1.2'), 'no version'],
    [conflictsMarker('01.2.3'), 'a leading zero'],
    [conflictsMarker('1.2.3/../main'), 'a path'],
    [conflictsMarker('1.2.3+build'), 'what no branch is called by'],
    [conflictsMarker('1.2.3 v1.2.4'), 'two versions in one marker'],
    [conflictsMarker(`1.2.3-${'a'.repeat(31)}`), 'an endless version'],
    [`${conflictsMarker('1.2.3')}\n${conflictsMarker('1.2.4')}`, 'two markers'],
    [`${conflictsMarker('1.2.3')} ${conflictsMarker('1.2.3')}`, 'two markers in one line'],
    [`${conflictsMarker('1.2.3')}\n<!--banyan-update: conflicts-->`, 'a second one in another spelling'],
    ['<!-- banyan-update: major v1.2.3 -->', 'another question'],
  ])('is none in %j: %s', (body) => {
    expect(conflictsVersion(body)).toBeNull();
  });
});

describe('the branch that an issue asks about', () => {
  const issue = { number: 12, body: `Resolve it.\n${conflictsMarker('0.2.0')}` };
  const facts = { trusted: true, pull: { baseRef: 'main', body: `Updates.\n${askedMarker(12)}` }, defaultBranch: 'main' };

  it('is the one of the update whose pull request names the issue', () => {
    expect(askedBranch(issue, facts)).toBe(updateBranch('0.2.0'));
  });

  it.each([
    ['somebody without write access opened it', issue, { ...facts, trusted: false }],
    ['no such pull request is open', issue, { ...facts, pull: null }],
    ['the pull request goes elsewhere', issue, { ...facts, pull: { ...facts.pull, baseRef: 'release' } }],
    ['the pull request names no issue', issue, { ...facts, pull: { ...facts.pull, body: 'Updates.' } }],
    ['the pull request names another issue', issue, { ...facts, pull: { ...facts.pull, body: askedMarker(13) } }],
    ['the pull request names two', issue, { ...facts, pull: { ...facts.pull, body: `${askedMarker(12)}${askedMarker(13)}` } }],
    ['the issue has no marker', { ...issue, body: 'Resolve it.' }, facts],
  ])('is none where %s', (_why, asking, known) => {
    expect(askedBranch(asking, known)).toBeNull();
  });

  it('is named by one issue alone', () => {
    expect(askedIssue('')).toBeNull();
    expect(askedIssue(askedMarker(7))).toBe(7);
  });
});

it('knows the conflicts of an update from other texts', () => {
  for (const line of ['<<<<<<< your child', '||||||| template v0.1.0', '>>>>>>> template v0.2.0', '<<<<<<< your child\r']) {
    expect(holdsConflict(`a\n${line}\nb\n`)).toBe(true);
  }
  expect(holdsConflict('a\n=======\n', 0)).toBe(true);
  expect(holdsConflict('a\n=======\n', 1)).toBe(false);
  expect(holdsConflict('Title\n=======\nas in `<<<<<<< your child`\n<<<<<<< HEAD\n')).toBe(false);
});
