import { storeContract } from './contract.ts';
import { postgresHarness } from './harness.ts';

storeContract('a real Postgres', postgresHarness);
