import { describe, expect, it } from 'vitest';
import { storable } from './call.ts';

describe('storable', () => {
  it('replaces what neither text nor jsonb can hold, at any depth, in keys too', () => {
    expect(storable({ 'a\0': ['x\0y', { deep: '\ud83d' }], n: 1, none: null, yes: true })).toEqual({
      'a\ufffd': ['x\ufffdy', { deep: '\ufffd' }],
      n: 1,
      none: null,
      yes: true,
    });
  });

  it('leaves whole text alone and writes dates as ISO 8601', () => {
    expect(storable('pair \ud83d\ude00')).toBe('pair \ud83d\ude00');
    expect(storable(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
  });
});
