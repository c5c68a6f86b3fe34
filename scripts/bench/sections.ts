import { runCold } from './cold/index.ts';
import { runFlow } from './flow/index.ts';
import { runIntake } from './intake/index.ts';
import { runProfile } from './profile/index.ts';
import { runQueue } from './queue/index.ts';
import { runSteps } from './steps/index.ts';
import type { RunSection } from './section.ts';

/** In the order in which they run and stand on the page. */
export const SECTIONS: Readonly<Record<string, RunSection>> = {
  intake: runIntake,
  cold: runCold,
  queue: runQueue,
  steps: runSteps,
  flow: runFlow,
  profile: runProfile,
};
