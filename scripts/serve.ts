/** `npm run serve`: the functions alone, with the environment that production has, on `PORT`, else `BANYAN_PORT`, else 3000. */
import { readEnvironment } from '../src/config/environment.ts';
import { serve } from '../src/local/functions/serve.ts';
import { reportAndFail } from './commands/report.ts';

async function main(): Promise<void> {
  readEnvironment();
  await serve(Number(process.env['PORT'] || process.env['BANYAN_PORT'] || 3000));
}

main().catch(reportAndFail);
