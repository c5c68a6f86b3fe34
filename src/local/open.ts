import { requireEmbedded } from './embedded.ts';
import { loadInstance } from './instance.ts';
import { projectRoot } from './project.ts';
import { startStack, type Stack } from './stack.ts';
import { readStackSettings } from './stack/settings.ts';

export interface OpenOptions {
  /** The project's folder, or one below it. */
  cwd: string;
  /** Ports and folder of the stack, and what the functions may see. */
  env: Record<string, string | undefined>;
  print(this: void, line: string): void;
  /** Warnings and errors of the services. */
  note(this: void, line: string): void;
}

/**
 * The whole stack of a project: what `npm start` runs and tests start.
 * @throws BanyanError `not_found` where there is no project, `config_invalid` for its configuration, variables, or missing packages
 */
export async function openStack({ cwd, env, print, note }: OpenOptions): Promise<Stack> {
  requireEmbedded();
  const project = projectRoot(cwd);
  // What is wrong with it is said here, not by a function that fails later.
  await loadInstance(project);
  return startStack({ settings: readStackSettings(env), project, env, print, note });
}
