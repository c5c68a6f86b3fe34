/** `npm start` in a checkout; a child has `banyan start`. */
import { reportAndFail } from './commands/report.ts';
import { start } from './commands/start.ts';

start(process.env).catch(reportAndFail);
