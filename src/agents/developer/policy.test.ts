import { describe, expect, it } from 'vitest';
import { branchName, changesModes, commitMessage, filesWithSecrets, withClosing, withoutOtherClosings } from './policy.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the branch', () => {
  it('is named by kind, number and title', () => {
    expect(branchName({ number: 12, title: 'Add discount codes!', kind: 'feature' })).toBe('feature/12-add-discount-codes');
    expect(branchName({ number: 3, title: 'Total wrong', kind: 'bug' })).toBe('bugfix/3-total-wrong');
  });

  it('has a name whatever the title is', () => {
    expect(branchName({ number: 1, title: '../../..; rm -rf', kind: 'bug' })).toMatch(/^bugfix\/1-[a-z0-9-]+$/);
    expect(branchName({ number: 1, title: '割引', kind: 'feature' })).toMatch(/^feature\/1-[a-z0-9-]+$/);
  });
});

describe('what a merge closes', () => {
  it('is the own issue, always', () => {
    expect(withClosing('What and why.', 7)).toBe('What and why.\n\nCloses #7');
    expect(withClosing('Fixes #7', 7)).toBe('Fixes #7');
    expect(withClosing('Fixes #77', 7)).toContain('Closes #7');
  });

  it('is no other issue', () => {
    expect(withoutOtherClosings('Fixes #7, closes #8 and resolves: acme/other#9', 7)).toBe('Fixes #7, closes `#8` and resolves: `acme/other#9`');
    expect(withoutOtherClosings('closed https://github.com/acme/shop/issues/1', 7)).toBe('closed `https://github.com/acme/shop/issues/1`');
  });
});

it('makes a conventional commit out of any message', () => {
  expect(commitMessage('fix: round up\n\nBecause.', 'bug', ['Refs: #1'])).toEqual({ headline: 'fix: round up', body: 'Because.\n\nRefs: #1' });
  expect(commitMessage('Round up', 'bug', []).headline).toBe('fix: Round up');
});

it('tells when Git data is needed for a mode', () => {
  const before = new Map([['run.sh', { path: 'run.sh', mode: '100755' as const, size: 0, content: new Uint8Array() }]]);
  expect(changesModes([{ path: 'run.sh', mode: '100755', content: '' }], before)).toBe(false);
  expect(changesModes([{ path: 'run.sh', mode: '100644', content: '' }], before)).toBe(true);
  expect(changesModes([{ path: 'new.sh', mode: '100755', content: '' }], before)).toBe(true);
  expect(changesModes([{ path: 'gone.sh', deleted: true }], before)).toBe(false);
});

it('finds files that hold a credential', () => {
  const changes = [
    { path: 'a.js', mode: '100644' as const, content: base64(`const token = 'ghp_${'a'.repeat(36)}'`) },
    { path: 'b.js', mode: '100644' as const, content: base64('const token = process.env.TOKEN') },
  ];
  expect(filesWithSecrets(changes)).toEqual(['a.js']);
});
