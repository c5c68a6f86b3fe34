import { createFunctions } from 'banyan';
import config from '../banyan.config.ts';

/** The functions that run agents or the clock know your configuration; the files of `api/` only name them. */
export const { worker, cron, agents } = createFunctions(config);
