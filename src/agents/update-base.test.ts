import { describe, expect, it } from 'vitest';
import { createWorkspace } from '../context/workspace.ts';
import { snapshotOf } from '../context/snapshot.ts';
import { createLocalSandboxProvider } from '../sandbox/local/provider.ts';
import { filesWithConflicts } from './update-base.ts';

const MARKED = 'a\n<<<<<<< your child\nb\n||||||| template v1.0.0\nc\n=======\nd\n>>>>>>> template v2.0.0\n';

function left(files: Record<string, string>): string[] {
  return filesWithConflicts(createWorkspace({ snapshot: snapshotOf(files), sandboxProvider: createLocalSandboxProvider() }));
}

describe('files in which conflicts of an update are left', () => {
  it('are those with its marker lines', () => {
    expect(left({ 'a.js': MARKED, 'b.js': 'b\n', 'c.md': 'Title\n=======\n' })).toEqual(['a.js']);
  });

  it('are by the book also those with a part of one, in a child of whatever folder', () => {
    const book = JSON.stringify({ conflicts: { 'a.js': { count: 1 }, 'c.md': { count: 1, lookalikes: ['======='] }, 'd.md': false } });
    const files = { 'a.js': 'a\n=======\n', 'c.md': 'Title\n=======\n', 'd.md': MARKED };
    expect(left({ '.banyan/template.json': book, ...files })).toEqual(['a.js']);
    const shop = Object.fromEntries(Object.entries(files).map(([path, text]) => [`shop/${path}`, text]));
    expect(left({ 'shop/.banyan/template.json': book, ...shop })).toEqual(['shop/a.js']);
    expect(left({ '.banyan/template.json': '<<<', 'a.js': MARKED })).toEqual(['a.js']);
  });
});
