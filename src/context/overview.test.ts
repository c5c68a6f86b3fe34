import { describe, expect, it } from 'vitest';
import { repositoryOverview } from './overview.ts';
import { snapshotOf } from './snapshot.ts';

describe('repositoryOverview', () => {
  it('shows size, commands, tree and README', () => {
    const snapshot = snapshotOf({
      'README.md': '# Shop\nSells things.',
      'package.json': '{"scripts":{"test":"node --test"}}',
      'src/cart.js': '',
      'src/a/b/c.js': '',
      'test/cart.test.js': '',
    });
    expect(repositoryOverview(snapshot)).toBe(
      [
        '5 files, 1 of them tests.',
        'Commands found:',
        '  test: npm test',
        '',
        'Files:',
        'src/',
        '  a/',
        '    b/ (1 files)',
        '  cart.js',
        'test/',
        '  cart.test.js',
        'README.md',
        'package.json',
        '',
        'README:',
        '# Shop',
        'Sells things.',
      ].join('\n'),
    );
  });

  it('stays within its bounds whatever is in there', () => {
    const files = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`dir${index % 70}/sub${index % 9}/file-${index}.ts`, '']));
    for (const max of [500, 3_000, 6_000]) {
      const text = repositoryOverview(snapshotOf({ ...files, 'README.md': 'word '.repeat(9_000) }), max);
      expect(text.length).toBeLessThanOrEqual(max);
      expect(text).toContain('3001 files');
    }
  });

  it('says so where nothing is known', () => {
    expect(repositoryOverview(snapshotOf({}))).toContain('No commands');
  });
});
