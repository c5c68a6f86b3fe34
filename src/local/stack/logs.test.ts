import { describe, expect, it } from 'vitest';
import { noteworthy } from './logs.ts';

describe('noteworthy', () => {
  it('lets warnings and errors through in one line', () => {
    expect(noteworthy('{"level":40,"msg":"slow"}', 'stdout')).toBe('slow');
    expect(noteworthy('{"level":50,"msg":"failed","err":{"message":"no such table"}}', 'stdout')).toBe('failed: no such table');
  });

  it('keeps the rest in the file', () => {
    expect(noteworthy('{"level":30,"msg":"accepted"}', 'stdout')).toBeUndefined();
    expect(noteworthy('listening http://127.0.0.1:1', 'stdout')).toBeUndefined();
    expect(noteworthy('', 'stderr')).toBeUndefined();
  });

  it('shows plain lines on standard error, broken records too', () => {
    expect(noteworthy('Error: x', 'stderr')).toBe('Error: x');
    expect(noteworthy('{"level":', 'stderr')).toBe('{"level":');
  });
});
