export interface GatherOptions<Item, Result> {
  /** Calls under way at a time; what comes meanwhile waits for the next one. */
  atOnce: number;
  maxItems: number;
  /** Of one call, in what `weigh` counts; a single item may be heavier. */
  maxWeight: number;
  weigh: (item: Item) => number;
  /** Results in the order of the items. */
  run: (items: Item[]) => Promise<Result[]>;
}

interface Waiting<Item, Result> {
  item: Item;
  settle: PromiseWithResolvers<Result>;
}

/**
 * Takes items one by one and hands them on together. An item that finds nothing under way goes at once and alone, so nobody waits for
 * company; under load, what a call and its commit cost is shared by all that came while the last ones were under way.
 */
export function gather<Item, Result>(options: GatherOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { atOnce, maxItems, maxWeight, weigh, run } = options;
  const waiting: Waiting<Item, Result>[] = [];
  let underWay = 0;

  function takeNext(): Waiting<Item, Result>[] {
    let weight = 0;
    let count = 0;
    for (const { item } of waiting) {
      weight += weigh(item);
      if (count > 0 && (count === maxItems || weight > maxWeight)) break;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  async function hand(group: Waiting<Item, Result>[]): Promise<void> {
    underWay += 1;
    try {
      const results = await run(group.map(({ item }) => item));
      group.forEach(({ settle }, index) => settle.resolve(results[index] as Result));
    } catch (error) {
      for (const { settle } of group) settle.reject(error);
    }
    underWay -= 1;
    next();
  }

  function next(): void {
    while (underWay < atOnce && waiting.length > 0) void hand(takeNext());
  }

  return (item) => {
    const settle = Promise.withResolvers<Result>();
    waiting.push({ item, settle });
    next();
    return settle.promise;
  };
}
