import { afterAll, beforeAll, vi } from 'vitest';
import { storeContract } from './contract.ts';
import { supabaseHarness } from './harness.ts';

// The embedded Supabase prints every statement that Postgres refuses, and some tests are about refusals.
const quiet = vi.spyOn(console, 'error');
beforeAll(() => void quiet.mockImplementation(() => undefined));
afterAll(() => quiet.mockRestore());

storeContract('supabase-js and the embedded Supabase', supabaseHarness);
