import type { Environment } from '../config/environment.ts';
import type { Problem, Source } from '../config/intake-environment.ts';
import type { EngineParts } from '../engine/parts.ts';
import type { AppInspection } from '../github/inspection.ts';
import type { Inspection } from '../store/inspect-contract.ts';

export type Status = 'ok' | 'warn' | 'fail' | 'skipped';

/** What a check came to. `fix`: what a person does about it. */
export interface Finding {
  status: Status;
  says: string;
  fix?: string;
}

/** The installation that is looked at. */
export interface Subject {
  /** The variables as they are given. */
  source: Source;
  problems: readonly Problem[];
  /** With harmless values in the place of what is missing or wrong: checks name the variables that they need. */
  environment: Environment;
  /** Where the deployment is reached, without a slash at its end. */
  url: string | undefined;
  /** True for the stack of `npm start`, where a model is nobody's duty. */
  local: boolean;
  app: AppInspection;
  /** What a worker works with, made of the environment. */
  parts: () => Promise<Pick<EngineParts, 'store' | 'models' | 'sandboxes' | 'roles'>>;
  /** Asked once, whoever asks; `askedAt` by this machine's clock, in the middle of the question. */
  inspect: () => Promise<Inspection & { askedAt: number }>;
  /** The migrations that this code comes with, oldest first. */
  migrations: () => Promise<{ version: string; name: string }[]>;
  node: { version: string; engines: string };
  now: () => number;
}

export interface Check {
  id: string;
  /** What is looked at, in a few words. */
  title: string;
  /** Variables without which there is nothing to look at. */
  needs?: readonly string[];
  /** Checks that must not have failed or been skipped. */
  after?: readonly string[];
  /** How long it may take; 20 where absent. */
  seconds?: number;
  /** @throws whatever happens; it is a failed check then */
  run(subject: Subject, signal: AbortSignal): Promise<Finding> | Finding;
}

export interface Result extends Finding {
  id: string;
  title: string;
  seconds: number;
}

export function ok(says: string): Finding {
  return { status: 'ok', says };
}

export function warn(says: string, fix: string): Finding {
  return { status: 'warn', says, fix };
}

export function fail(says: string, fix: string): Finding {
  return { status: 'fail', says, fix };
}

export function skipped(why: string): Finding {
  return { status: 'skipped', says: why };
}
