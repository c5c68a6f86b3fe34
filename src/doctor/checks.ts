import { DATABASE_CHECKS } from './database.ts';
import { ENVIRONMENT_CHECKS } from './environment.ts';
import { GITHUB_CHECKS } from './github.ts';
import type { Check } from './types.ts';
import { WEB_CHECKS } from './web.ts';
import { WORK_CHECKS } from './work.ts';

/** Everything that the doctor looks at, in the order in which it is told. */
export const CHECKS: readonly Check[] = [...ENVIRONMENT_CHECKS, ...WEB_CHECKS, ...GITHUB_CHECKS, ...DATABASE_CHECKS, ...WORK_CHECKS];
