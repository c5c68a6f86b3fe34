import { describe, expect, it } from 'vitest';
import { createOutputCollector } from './output.ts';

function collect(max: number, chunks: string[]) {
  const collector = createOutputCollector(max);
  for (const chunk of chunks) collector.push(Buffer.from(chunk));
  return collector.finish();
}

describe('createOutputCollector', () => {
  it('keeps all that fits, to the last byte', () => {
    expect(collect(10, ['12345', '67890'])).toEqual({ output: '1234567890', truncated: false });
    expect(collect(10, [])).toEqual({ output: '', truncated: false });
  });

  it('cuts the middle and says how much', () => {
    expect(collect(10, ['HEAD!', 'xxxxxxxxxx', 'TAIL!'])).toEqual({ output: 'HEAD!\n[... 10 bytes cut ...]\nTAIL!', truncated: true });
  });

  it('cuts the same however it comes in pieces', () => {
    const text = Array.from({ length: 50_000 }, (_, index) => `${index};`).join('');
    const whole = collect(1_000, [text]);
    expect(collect(1_000, text.match(/.{1,7}/g) ?? [])).toEqual(whole);
    expect(whole.output.endsWith('49999;')).toBe(true);
  });
});
