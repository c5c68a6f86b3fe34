import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { conversationContract } from './contract/conversations.ts';
import { deathContract } from './contract/deaths.ts';
import { deliveryContract } from './contract/deliveries.ts';
import { editContract } from './contract/edits.ts';
import { effectContract } from './contract/effects.ts';
import { guardianContract } from './contract/guardian.ts';
import { hoursContract } from './contract/hours.ts';
import { retentionContract } from './contract/retention.ts';
import { healthContract } from './contract/health.ts';
import { intentContract } from './contract/intents.ts';
import { limitContract } from './contract/limits.ts';
import { metricsContract } from './contract/metrics.ts';
import { redeliveryContract } from './contract/redelivery.ts';
import { readyContract } from './contract/ready.ts';
import { rollbackContract } from './contract/rollbacks.ts';
import { taskContract } from './contract/tasks.ts';
import { watchContract } from './contract/watch.ts';
import { diagnosesContract } from './contract/diagnoses.ts';
import { emptyOut, type Harness } from './harness.ts';

/** What every way to reach the database must do alike. */
export function storeContract(name: string, make: () => Promise<Harness>): void {
  describe(`store over ${name}`, () => {
    const made: Harness[] = [];
    function use(): Harness {
      const harness = made.at(-1);
      if (harness === undefined) throw new Error('the harness is not ready');
      return harness;
    }
    beforeAll(async () => void made.push(await make()), 60_000);
    afterEach(() => emptyOut(use()));
    afterAll(() => made.at(-1)?.close());

    const contracts = [
      deliveryContract,
      redeliveryContract,
      intentContract,
      taskContract,
      editContract,
      readyContract,
      hoursContract,
      retentionContract,
      conversationContract,
      rollbackContract,
      effectContract,
      limitContract,
      deathContract,
      watchContract,
      diagnosesContract,
      guardianContract,
      metricsContract,
      healthContract,
    ];
    for (const contract of contracts) contract(use);
  });
}
