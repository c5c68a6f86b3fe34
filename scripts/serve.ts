/** `npm run serve`, and the process of the functions below `npm start`. */
import { reportAndFail } from './commands/report.ts';
import { serve } from './commands/serve.ts';

serve(process.env).catch(reportAndFail);
