export { cron as GET } from '../src/functions.ts';
