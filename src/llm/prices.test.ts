import { describe, expect, test } from 'vitest';
import { pricingOf } from './prices.ts';

const usage = { input_tokens: 10_000, output_tokens: 1_000 };

describe('pricingOf', () => {
  test('takes the list in the package', async () => {
    const cost = (await pricingOf('anthropic', 'claude-sonnet-4-5'))(usage);
    expect(cost.usd).toBeCloseTo(0.045, 6);
    expect(cost.estimated).toBe(false);
  });

  test('a cache that is read costs less than fresh input, one that is written costs more', async () => {
    const price = await pricingOf('anthropic', 'claude-sonnet-4-5');
    const fresh = price(usage).usd;
    expect(price({ ...usage, cache_read: 10_000 }).usd).toBeLessThan(fresh / 2);
    expect(price({ ...usage, cache_creation: 10_000 }).usd).toBeGreaterThan(fresh);
  });

  test('an unknown model costs what a large one does, and says that it is a guess', async () => {
    expect((await pricingOf('openai', 'no-such-model'))(usage)).toEqual({ usd: 0.045, estimated: true });
    expect((await pricingOf('no-such-provider', 'x'))(usage).estimated).toBe(true);
  });

  test("the owner's price wins, by full id before the name alone", async () => {
    const own = { 'house-model': { input: 100, output: 0 }, 'openai:house-model': { input: 1, output: 2 } };
    expect((await pricingOf('openai', 'house-model', own))(usage)).toEqual({ usd: 0.012, estimated: false });
    expect((await pricingOf('other', 'house-model', own))(usage).usd).toBe(1);
    expect((await pricingOf('openai', 'gpt-5.5', { 'gpt-5.5': { input: 0, output: 0 } }))(usage).usd).toBe(0);
  });

  test.each([
    { input_tokens: 10, output_tokens: 1, cache_read: 5_000 },
    { input_tokens: 10, output_tokens: 1, cache_read: 8, cache_creation: 8 },
    { input_tokens: -5, output_tokens: -1 },
    { input_tokens: Number.NaN, output_tokens: 1 },
  ])('a nonsensical report %j costs something finite', async (report) => {
    const { usd } = (await pricingOf('anthropic', 'claude-sonnet-5'))(report);
    expect(usd).toBeGreaterThanOrEqual(0);
    expect(usd).toBeLessThan(0.001);
  });
});
