import { describe, expect, it } from 'vitest';
import { gather } from './gather.ts';

/** A call that ends when the test says so. */
function held(options: { atOnce?: number; maxItems?: number; maxWeight?: number } = {}) {
  const groups: { items: number[]; end: PromiseWithResolvers<string[]> }[] = [];
  const take = gather<number, string>({
    atOnce: options.atOnce ?? 1,
    maxItems: options.maxItems ?? 10,
    maxWeight: options.maxWeight ?? 1000,
    weigh: (item) => item,
    run(items) {
      const end = Promise.withResolvers<string[]>();
      groups.push({ items, end });
      return end.promise;
    },
  });
  return { take, groups, answer: (index: number) => groups[index]?.end.resolve(groups[index].items.map((item) => `done ${item}`)) };
}

describe('items that are gathered', () => {
  it('go at once and alone where nothing is under way', async () => {
    const { take, groups, answer } = held();
    const first = take(1);
    expect(groups.map(({ items }) => items)).toEqual([[1]]);
    answer(0);
    expect(await first).toBe('done 1');
  });

  it('go together where they came while others were under way, each with its own result', async () => {
    const { take, groups, answer } = held();
    const all = [1, 2, 3].map(take);
    answer(0);
    await all[0];
    expect(groups.map(({ items }) => items)).toEqual([[1], [2, 3]]);
    answer(1);
    expect(await Promise.all(all)).toEqual(['done 1', 'done 2', 'done 3']);
  });

  it('make calls no larger than allowed, and a single heavy one goes alone', async () => {
    const { take, groups, answer } = held({ maxItems: 2, maxWeight: 10 });
    const all = [1, 6, 5, 50, 1, 1, 1].map(take);
    for (let index = 0; index < 6; index += 1) {
      answer(index);
      await new Promise(setImmediate);
    }
    await Promise.all(all);
    expect(groups.map(({ items }) => items)).toEqual([[1], [6], [5], [50], [1, 1], [1]]);
  });

  it('are all told where their call fails, and those after them go on', async () => {
    const { take, groups, answer } = held();
    const first = take(1);
    const [second, third] = [take(2), take(3)];
    answer(0);
    await first;
    groups[1]?.end.reject(new Error('away'));
    await expect(second).rejects.toThrow('away');
    await expect(third).rejects.toThrow('away');
    const fourth = take(4);
    answer(2);
    expect(await fourth).toBe('done 4');
  });

  it('are under way as often at a time as allowed', () => {
    const { take, groups } = held({ atOnce: 2 });
    for (const item of [1, 2, 3]) void take(item);
    expect(groups.map(({ items }) => items)).toEqual([[1], [2]]);
  });
});
