import { describe, expect, it } from 'vitest';
import { createOverlay } from './overlay.ts';
import { snapshotOf } from './snapshot.ts';

const snapshot = snapshotOf({ a: 'one', b: 'two', 'd/c': 'three' });

describe('createOverlay', () => {
  it('shows the snapshot with the changes over it', () => {
    const overlay = createOverlay(snapshot);
    overlay.set('a', '100755', Buffer.from('changed'));
    overlay.set('new', '100644', Buffer.from('new'));
    overlay.remove('b');
    expect(overlay.paths()).toEqual(['a', 'd/c', 'new']);
    expect(overlay.get('a')).toMatchObject({ mode: '100755', size: 7 });
    expect(overlay.get('b')).toBeNull();
    expect(overlay.changes()).toEqual([
      { path: 'a', mode: '100755', content: 'Y2hhbmdlZA==' },
      { path: 'b', deleted: true },
      { path: 'new', mode: '100644', content: 'bmV3' },
    ]);
  });

  it('knows no change where the snapshot was restored', () => {
    const overlay = createOverlay(snapshot);
    overlay.set('a', '100644', Buffer.from('other'));
    overlay.set('a', '100644', Buffer.from('one'));
    overlay.set('x', '100644', Buffer.from('x'));
    overlay.remove('x');
    overlay.remove('b');
    overlay.revert('b');
    expect(overlay.changes()).toEqual([]);
  });

  it('goes on from its own changes, through JSON', () => {
    const first = createOverlay(snapshot);
    first.set('bytes', '100644', new Uint8Array([0, 200, 255]));
    first.remove('a');
    const second = createOverlay(snapshot, JSON.parse(JSON.stringify(first.changes())));
    expect(second.changes()).toEqual(first.changes());
    expect([...(second.get('bytes')?.content ?? [])]).toEqual([0, 200, 255]);
  });
});
