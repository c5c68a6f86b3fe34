import type { Answers } from '../answers.ts';
import type { CommandOptions } from '../command.ts';

/** A service that a child is set up at, on request. Running it again finds what it did before and goes on from there. */
export interface ServiceStep {
  /** As the option is called. */
  id: 'github' | 'app' | 'vercel' | 'supabase';
  title: string;
  /** Everything that it would do, for a dry run: no request is made for it. */
  plan(child: Child): string[];
  /**
   * @returns what was done and what is left to do
   * @throws BanyanError naming the variable or the answer that is missing
   */
  run(child: Child): Promise<string[]>;
}

export interface Child {
  folder: string;
  answers: Answers;
  /** The deployment's address, where it is known. */
  url: string | undefined;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  /** Shows a line while a step waits for a person. */
  say(line: string): void;
}

export function commandsIn({ folder, env, signal }: Child): CommandOptions {
  return { cwd: folder, env, signal };
}
