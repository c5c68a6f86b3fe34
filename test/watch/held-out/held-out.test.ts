import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tickJobs } from '../../../src/domain/schedule.ts';
import { FAILURES } from './failures.ts';
import { HEALTHY } from './healthy.ts';
import { startStage } from './stage.ts';
import type { Stage } from './stage.ts';

/*
 * The share of failures that the watch finds, the share that it mends without a person, and its false alarms on healthy runs, over cases that were
 * not used to make it. Each case is a test of its own as well.
 */

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(async () => {
  const mendable = FAILURES.filter(({ name }) => tally.mended.has(name) || tally.unmended.has(name)).length;
  process.stdout.write(
    `watch: found ${tally.found.size} of ${FAILURES.length}, mended without a person ${tally.mended.size} of ${mendable}, false alarms ${tally.alarms} on ${HEALTHY.length} healthy runs\n`,
  );
  await stage.close();
});
const tally = { found: new Set<string>(), mended: new Set<string>(), unmended: new Set<string>(), alarms: 0 };

describe('a failure is found in two ticks, and told once', () => {
  it.each(FAILURES)('$name', { timeout: 120_000 }, async ({ name, happens, jobs = [], finds, ends }) => {
    const plot = await happens(stage);
    const called = [...tickJobs(), ...jobs];
    await stage.tick(called);
    await stage.tick(called);
    const found = await stage.found(plot);
    const seen = typeof finds === 'function' ? await finds(stage, plot) : found.some((each) => finds.some((wanted) => each.startsWith(wanted)));
    if (seen) tally.found.add(name);
    expect(seen, `found: ${found.join(', ')}`).toBe(true);

    await stage.engine.settle();
    const told = await stage.told(plot);
    expect(told).toBeLessThanOrEqual(1);
    await stage.tick(called);
    await stage.tick(called);
    await stage.engine.settle();
    expect(await stage.told(plot)).toBe(told);

    const end = ends(stage, plot);
    if (end === 'person') return;
    const mended = await end;
    (mended ? tally.mended : tally.unmended).add(name);
    expect({ mended, label: await stage.label(plot) }).toMatchObject({ mended: true });
  });
});

describe('nothing is found about a healthy run', () => {
  it.each(HEALTHY)('$name', { timeout: 120_000 }, async ({ plays }) => {
    const plot = await plays(stage);
    for (let ticks = 0; ticks < 3; ticks += 1) {
      await stage.tick([...tickJobs(), 'conductor', 'reconcile']);
      await stage.engine.settle();
    }
    const found = await stage.found(plot);
    tally.alarms += found.length;
    expect(found).toEqual([]);
    expect(await stage.told(plot)).toBe(0);
  });
});
