import { storeContract } from './contract.ts';
import { pgliteHarness } from './harness.ts';

storeContract('PGlite', pgliteHarness);
