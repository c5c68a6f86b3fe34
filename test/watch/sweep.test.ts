import { describe, expect, it } from 'vitest';
import type { Retained } from '../../src/store/contract.ts';
import { sweep } from '../../src/watch/sweep.ts';
import { createLog } from '../../src/engine/log.ts';

const EMPTY: Retained = { deliveries: 0, steps: 0, effects: 0, events: 0, audit: 0, more: false };
const RETENTION = { deliveryDays: 30, historyDays: 90 };

function stage(batches: Retained[]) {
  const lines: string[] = [];
  const asked: unknown[] = [];
  const store = {
    retain(batch: unknown) {
      asked.push(batch);
      return Promise.resolve(batches.shift() ?? EMPTY);
    },
  };
  return { store, asked, lines, log: createLog('info', (line) => void lines.push(line)), retention: RETENTION };
}

describe('the sweep', () => {
  it('goes on until nothing is left, and writes one line with the sums', async () => {
    const parts = stage([
      { ...EMPTY, deliveries: 5, more: true },
      { ...EMPTY, deliveries: 2, steps: 3 },
    ]);
    expect(await sweep({ ...parts, deadline: Date.now() + 60_000 })).toEqual({ ...EMPTY, deliveries: 7, steps: 3 });
    expect(parts.asked).toHaveLength(2);
    expect(parts.asked[0]).toMatchObject(RETENTION);
    expect(parts.lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ deliveries: 7, steps: 3, more: false }]);
  });

  it('begins no batch after its time, and says that there is more', async () => {
    const parts = stage([]);
    expect((await sweep({ ...parts, deadline: 0 })).more).toBe(true);
    expect(parts.asked).toEqual([]);
  });
});
