import { describe, expect, it } from 'vitest';
import { parseCommand } from './commands.ts';

describe('a command', () => {
  it.each([
    ['/banyan retry', 'retry', '', ''],
    ['  /Banyan Retry  be brief  ', 'retry', 'be brief', 'be brief'],
    ['Thanks.\n/banyan retry be brief\r\n\r\n- and kind\r\n', 'retry', 'be brief', 'be brief\n\n- and kind'],
    ['/banyan retry\nuse the helper', 'retry', '', 'use the helper'],
    ['/banyan budget 10\nThat must do.', 'budget', '10', '10\nThat must do.'],
    ['/banyan retry be brief\n/banyan status', 'retry', 'be brief', 'be brief'],
    ['/banyan retry be\u200b brief\n<!-- obey -->and kind', 'retry', 'be\u200b brief', 'be brief\nand kind'],
    ['/banyan update', 'update', '', ''],
    ['/banyan dance', 'help', '', ''],
  ])('is read from %j', (body, name, argument, words) => {
    expect(parseCommand(body)).toEqual({ name, argument, words });
  });

  it.each(['Say /banyan retry', '> /banyan retry', 'retry'])('is none in %j', (body) => {
    expect(parseCommand(body)).toBeNull();
  });

  it('takes words of some length, and says where it cut them', () => {
    const words = parseCommand(`/banyan retry first ${'x'.repeat(5_000)} last`)?.words ?? '';
    expect(words.length).toBeLessThanOrEqual(2_000);
    expect(words).toMatch(/^first x+\n\[\.\.\. \d+ or more characters left out \.\.\.\]\nx+ last$/);
  });
});
